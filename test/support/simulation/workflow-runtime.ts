import type * as workflow from '@temporalio/workflow';

/*
 * Replaces `@temporalio/workflow` in tests that run thousands of fetches in seconds: workflow functions run unchanged in this
 * process. Activities run one at a time, in an order that the test determines, which makes runs reproducible. Use it as
 * `jest.mock('@temporalio/workflow', () => jest.requireActual('./workflow-runtime'))`.
 */
export { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/common';

type Function = (...args: never[]) => Promise<unknown>;

interface Call {
  name: string;
  args: unknown[];
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

class ContinueAsNew extends Error {
  constructor(readonly args: unknown[]) {
    super('the workflow continues as new');
  }
}

let calls: Call[] = [];
let blocked: { holds: () => boolean; resolve: () => void }[] = [];

export function proxyActivities(): object {
  const ask = (name: string, args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => calls.push({ name, args: copyOf(args), resolve, reject }));
  return new Proxy(
    {},
    {
      get: (_, name: string) =>
        Object.assign((...args: unknown[]) => ask(name, args), {
          executeWithOptions: (_options: unknown, args: unknown[]) => ask(name, args),
        }),
    },
  );
}

export async function condition(holds: () => boolean): Promise<void> {
  if (!holds()) await new Promise<void>((resolve) => blocked.push({ holds, resolve }));
}

export const continueAsNew: typeof workflow.continueAsNew = (...args) => Promise.reject(new ContinueAsNew(args));
export const workflowInfo = (): object => ({ continueAsNewSuggested: false });
export const defineQuery = (name: string): string => name;
export const defineSignal = (name: string): string => name;
export const defineUpdate = (name: string): string => name;
export const ActivityCancellationType = { WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED' };

/** This runtime cancels nothing. */
export class CancellationScope {
  static readonly current = (): CancellationScope => new CancellationScope();
  readonly consideredCancelled = false;
  readonly run = <Result>(work: () => Promise<Result>): Promise<Result> => work();
}
export const sleep = (): Promise<void> => Promise.resolve();
export const isCancellation = (): boolean => false;
export const setHandler = (): void => undefined;
export const setCurrentDetails = (): void => undefined;

/**
 * Runs a workflow to its end, through every continue-as-new.
 * @param turn index of the waiting activity that runs next; 0 is the oldest
 * @param continued called with the arguments of each continue-as-new
 */
export async function runWorkflow(
  run: Function,
  input: unknown,
  activities: Readonly<Record<string, Function>>,
  turn: () => number,
  continued: (args: unknown[]) => void = () => undefined,
): Promise<unknown> {
  for (let args = [input]; ;) {
    try {
      return await runOnce(() => run(...(copyOf(args) as never[])), activities, turn);
    } catch (error) {
      if (!(error instanceof ContinueAsNew)) throw error;
      ({ args } = error);
      continued(args);
    }
  }
}

async function runOnce(
  run: () => Promise<unknown>,
  activities: Readonly<Record<string, Function>>,
  turn: () => number,
): Promise<unknown> {
  calls = [];
  blocked = [];
  let ended = false;
  const ending = run().finally(() => (ended = true));
  ending.catch(() => undefined);
  for (;;) {
    await settle();
    if (ended) return ending;
    const [call] = calls.splice(turn() % calls.length, 1);
    const activity = call && activities[call.name];
    if (!activity) throw new Error('the workflow waits, but for no activity');
    await activity(...(call.args as never[])).then((result) => call.resolve(copyOf(result)), call.reject);
  }
}

/** Resumes the workflow until it waits for activities only. */
async function settle(): Promise<void> {
  for (let moved = true; moved;) {
    await new Promise(setImmediate);
    const free = blocked.filter(({ holds }) => holds());
    blocked = blocked.filter((each) => !free.includes(each));
    for (const { resolve } of free) resolve();
    moved = free.length > 0;
  }
}

/** Temporal passes JSON. */
function copyOf<Value>(value: Value): Value {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value);
}
