import { describePauses, PauseLock } from '../../../src/workflows/pause-lock';

jest.mock('@temporalio/workflow', () => {
  class Scope {
    static readonly current = (): Scope => new Scope();
    consideredCancelled = false;
    private reject: (reason: Error) => void = () => undefined;
    run<Result>(work: () => Promise<Result>): Promise<Result> {
      const cancelled = new Promise<never>((_, reject) => (this.reject = reject));
      return Promise.race([work(), cancelled]);
    }
    cancel(): void {
      this.consideredCancelled = true;
      this.reject(new Error('cancelled'));
    }
  }
  const condition = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise(setImmediate);
  };
  return { CancellationScope: Scope, condition };
});

const byUser = { source: 'user', reason: 'the tenant is being moved' } as const;
const byCredentials = { source: 'credentials', reason: 'the secret is wrong' } as const;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('keeps the pauses of a user and of refused credentials apart', () => {
  const lock = new PauseLock();
  expect(lock.pause(byUser)).toBe(true);
  expect(lock.pause(byCredentials)).toBe(true);
  expect(describePauses(lock.pauses)).toBe('the tenant is being moved; the secret is wrong');
  expect(lock.resume('user')).toBe(true);
  expect(lock.pauses).toEqual([byCredentials]);
  expect(lock.resume('user')).toBe(false);
  expect(lock.resume('credentials')).toBe(true);
  expect(describePauses(lock.pauses)).toBeUndefined();
});

it('adds the reason of a second pause, once', () => {
  const lock = new PauseLock([byUser]);
  const second = { ...byUser, reason: 'an audit is in progress' };
  for (const pause of [second, second, byUser]) expect(lock.pause(pause)).toBe(false);
  expect(lock.pauses).toEqual([byUser, second]);
  lock.resume('user');
  expect(lock.isPaused).toBe(false);
});

it('starts work only when every pause is over', async () => {
  const lock = new PauseLock([byUser, byCredentials]);
  let started = false;
  const running = lock.run(async () => (started = true));
  lock.resume('user');
  await turn();
  expect(started).toBe(false);
  lock.resume('credentials');
  await running;
  expect(started).toBe(true);
});

it('runs work again that a pause has stopped before it had a result', async () => {
  const lock = new PauseLock();
  const work = jest
    .fn()
    .mockImplementationOnce(() => new Promise(() => undefined))
    .mockResolvedValueOnce('done');
  const running = lock.run<string>(work);
  await turn();
  lock.pause(byUser);
  await turn();
  expect(work).toHaveBeenCalledTimes(1);
  lock.resume('user');
  expect(await running).toBe('done');
});

it('throws the error of work that no pause has stopped', async () => {
  const lock = new PauseLock();
  await expect(lock.run(() => Promise.reject(new Error('It failed.')))).rejects.toThrow('It failed.');
});
