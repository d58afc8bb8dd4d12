import { failureLines, progressLine } from '../../src/commands/progress';
import type { StreamFailure } from '../../src/sinks/sink';
import { noCounts } from '../../src/streams/counts';
import type { StreamProgress, StreamResult } from '../../src/workflows/contract';

function standing(stream: string, status: StreamProgress['status'], delivered: number): StreamProgress {
  return { stream, status, delivered, counts: noCounts };
}

function failed(stream: string, message: string): StreamResult {
  const failure: StreamFailure = { type: 'MissingScope', kind: 'config_error', message };
  return { stream, status: 'incomplete', records: 0, seconds: 0, counts: noCounts, failure };
}

describe('the line of progress', () => {
  it('tells what has changed only, and nothing of streams that have not begun', () => {
    const first = [standing('clients', 'running', 0), standing('users', 'running', 100)];
    expect(progressLine([], first)).toBe('users 100…');
    const second = [standing('clients', 'complete', 8), standing('users', 'incomplete', 100)];
    expect(progressLine(first, second)).toBe('clients 8 · users 100 (incomplete)');
    expect(progressLine(second, second)).toBe('');
  });

  it('is broken before column 80', () => {
    const names = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];
    const lines = progressLine(
      [],
      names.map((name) => standing(name, 'complete', 1_234_567)),
    ).split('\n');
    expect(lines).toEqual([
      'clients 1234567 · users 1234567 · organizations 1234567',
      'organization_members 1234567 · organization_member_roles 1234567',
    ]);
  });
});

it('one reason of many streams is told once', () => {
  const streams = [failed('clients', 'No.'), failed('users', 'Not now.'), failed('organizations', 'No.')];
  expect(failureLines({ run: 'r', status: 'failed', streams })).toEqual([
    'clients, organizations: No.',
    'users: Not now.',
  ]);
});
