import { continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import type { StreamState } from '../protocol';
import { proxyFetchActivity, proxySinkActivities } from './activity-proxies';
import {
  pauseSignal,
  type PlannedStream,
  type ReadInput,
  resumeSignal,
  type StreamProgress,
  streamProgressQuery,
  type StreamResult,
} from './contract';
import { type Pause, PauseLock } from './flow-control';
import { createParentReadState, ParentReader, type ParentReadState } from './parent-reader';
import { createProgressPublisher } from './progress';
import { StreamRun, type StreamRunSnapshot } from './stream-delivery';
import { requireComplete } from './sync-outcome';

export interface OrganizationsInput extends ReadInput {
  /** The streams that come from the list of organizations; the one that needs the most scopes last. */
  streams: PlannedStream[];
  /** By stream: what the destination holds. */
  states: Record<string, StreamState>;
}

/** What the workflow hands to itself when it continues as new. */
interface OrganizationsContinuation {
  version: 1;
  readState: ParentReadState;
  streams: StreamRunSnapshot[];
  pause?: Pause;
}

/** Reads organizations, their members and the members' roles, as far as they are wanted. */
export async function organizationsWorkflow(
  input: OrganizationsInput,
  continuation?: OrganizationsContinuation,
): Promise<StreamResult[]> {
  const { run, limits } = input;
  const { deliver } = proxySinkActivities(input);
  const runs = input.streams.map((stream, index) => new StreamRun(stream, run, deliver, continuation?.streams[index]));
  // One reading fills all member streams: what is left of it is told once.
  const readers = runs.filter((each) => each.stream.reader === 'members');
  const gate = new PauseLock(continuation?.pause);
  let requestsLeft = (): number | undefined => undefined;
  const progress = (): StreamProgress[] => {
    const left = requestsLeft();
    const paused = gate.currentPause?.reason;
    return runs.map((each) =>
      each.toProgress(left === undefined || each === (readers[0] ?? runs[0]) ? left : 0, paused),
    );
  };
  setHandler(streamProgressQuery, progress);
  const tell = createProgressPublisher(input.connection, Math.min(...runs.map((each) => each.startedAt)));
  const show = (): void => tell(progress());
  setHandler(pauseSignal, (pause) => {
    gate.pause(pause);
    show();
  });
  setHandler(resumeSignal, () => {
    gate.resume();
    show();
  });

  const readState = continuation?.readState ?? createParentReadState(runs, input.states);
  const firstSlice = readState.fetches;
  const family = new ParentReader(
    readState,
    runs.find((each) => each.stream.reader === 'organization'),
    readers,
    input.readOptions.rolesSource,
    proxyFetchActivity(input, gate),
    limits,
    () => workflowInfo().continueAsNewSuggested || readState.fetches - firstSlice >= limits.fetchesPerRun,
    show,
  );

  requestsLeft = () => family.requestsLeft;
  await family.read();
  const open = runs.filter((each) => each.isOpen);
  if (family.done) for (const each of open) each.complete([], (records) => family.buildStreamState(each, records));
  await Promise.all(runs.map((each) => each.drained()));
  show();
  if (!family.done && runs.some((each) => each.isOpen)) {
    const streams = runs.map((each) => each.toSnapshot());
    const { currentPause } = gate;
    await continueAsNew<typeof organizationsWorkflow>(input, {
      version: 1,
      readState,
      streams,
      ...(currentPause && { pause: currentPause }),
    });
  }
  const results = runs.map((each) => each.toResult(family.buildAudit(each)));
  return requireComplete(results, results);
}
