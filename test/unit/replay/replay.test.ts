import { readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { findSecrets } from 'auth0-emulator';
import { dataConverter } from '../../../src/temporal/data-converter';
import { installRuntime } from '../../../src/temporal/runtime';

const folder = join(__dirname, 'histories');
const files = readdirSync(folder);
const workflowBundle = { codePath: join(__dirname, '..', '..', '..', 'dist', 'workflow-bundle.js') };

interface Event {
  eventId: string;
  eventType: string;
  workflowExecutionStartedEventAttributes?: {
    workflowId: string;
    workflowType: { name: string };
    continuedExecutionRunId?: string;
  };
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  startChildWorkflowExecutionInitiatedEventAttributes?: { workflowType: { name: string } };
}
interface History {
  events: Event[];
}

const read = (file: string): History => JSON.parse(readFileSync(join(folder, file), 'utf8')) as History;
/** Children are named after their parent, so the id counts. */
const replay = (history: History): Promise<void> => {
  const id = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  return Worker.runReplayHistory({ workflowBundle, dataConverter }, history, id);
};

beforeAll(() => installRuntime({ log: () => undefined }));

it.each(files)('replays %s', async (file) => {
  await expect(replay(read(file))).resolves.toBeUndefined();
});

it('has histories of every workflow, its outcomes and its continuations', () => {
  const kinds = files.map((file) => {
    const { events } = read(file);
    const started = events[0]?.workflowExecutionStartedEventAttributes;
    const end = events.at(-1)?.eventType.replace('EVENT_TYPE_WORKFLOW_EXECUTION_', '');
    return `${started?.workflowType.name} ${started?.continuedExecutionRunId ? 'continues' : 'starts'}, ${end}`;
  });
  const wanted = [
    'syncWorkflow starts, COMPLETED',
    'syncWorkflow starts, FAILED',
    'streamWorkflow starts, COMPLETED',
    'streamWorkflow starts, CONTINUED_AS_NEW',
    'streamWorkflow continues, COMPLETED',
    'parentWorkflow starts, CONTINUED_AS_NEW',
    'parentWorkflow continues, COMPLETED',
    'parentWorkflow starts, FAILED',
    'scheduledSyncWorkflow starts, COMPLETED',
    'scheduledSyncWorkflow starts, FAILED',
  ];
  expect(kinds).toEqual(expect.arrayContaining(wanted));
});

it.each<[string, string, (history: History) => void]>([
  [
    'another activity',
    'whole-users-1.json',
    ({ events }) => {
      const scheduled = events.filter((event) => event.activityTaskScheduledEventAttributes);
      scheduled.at(-1)!.activityTaskScheduledEventAttributes!.activityType.name = 'fetchPage';
    },
  ],
  [
    'another child workflow',
    'whole-sync-1.json',
    ({ events }) => {
      const started = events.find((event) => event.startChildWorkflowExecutionInitiatedEventAttributes);
      started!.startChildWorkflowExecutionInitiatedEventAttributes!.workflowType.name = 'listWorkflow';
    },
  ],
  [
    'a premature end',
    'whole-organizations-1.json',
    ({ events }) => {
      const last = events.findLastIndex((event) => event.activityTaskScheduledEventAttributes);
      events.splice(last, events.length, { ...events.at(-1)!, eventId: events[last]!.eventId });
    },
  ],
])('rejects a history with %s', async (_what, file, change) => {
  const history = read(file);
  change(history);
  await expect(replay(history)).rejects.toBeInstanceOf(DeterminismViolationError);
});

it.each(files)('%s is small and contains nothing about the machine that recorded it', (file) => {
  const text = readFileSync(join(folder, file), 'utf8');
  expect(statSync(join(folder, file)).size).toBeLessThan(150_000);
  const payloads = [...text.matchAll(/"data": ?"([A-Za-z0-9+/=]+)"/g)].map(([, data]) =>
    Buffer.from(data!, 'base64').toString(),
  );
  const readable = [text.replace(/"data": ?"[^"]*"/g, ''), ...payloads].join('\n');
  expect(payloads.join()).toContain('"connection"');
  expect(findSecrets(readable)).toEqual([]);
  expect(readable).not.toMatch(/\d+@|@example|127\.0\.0\.1|localhost|\/(?:work|tmp|home|root|Users|var)\/|\.[jt]s:\d/);
  expect(readable).not.toContain(hostname());
});
