import { continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import type { StreamState } from '../sinks/sink';
import { fetchActivity, sinkActivities } from './activities';
import {
  pauseSignal,
  progressQuery,
  resumeSignal,
  type PlannedStream,
  type ReadInput,
  type StreamProgress,
  type StreamResult,
} from './contract';
import { Family, resumePlace, type FamilyReading } from './family';
import { Gate, type Pause } from './gate';
import { conclude } from './outcome';
import { showAndTell } from './progress';
import { StreamRun, type CarriedStream } from './stream-run';

export interface OrganizationsInput extends ReadInput {
  /** The streams that come from the list of organizations; the one that needs the most scopes last. */
  streams: PlannedStream[];
  /** By stream: what the destination holds. */
  states: Record<string, StreamState>;
}

/** What the workflow hands to itself when it continues as new. */
interface Carried {
  version: 1;
  reading: FamilyReading;
  streams: CarriedStream[];
  pause?: Pause;
}

/** Reads organizations, their members and the members' roles, as far as they are wanted. */
export async function organizationsWorkflow(input: OrganizationsInput, carried?: Carried): Promise<StreamResult[]> {
  const { run, limits } = input;
  const { deliver } = sinkActivities(input);
  const runs = input.streams.map((stream, index) => new StreamRun(stream, run, deliver, carried?.streams[index]));
  // One reading fills all member streams: what is left of it is told once.
  const readers = runs.filter((each) => each.stream.reach === 'members');
  const gate = new Gate(carried?.pause);
  let requestsLeft = (): number | undefined => undefined;
  const progress = (): StreamProgress[] => {
    const left = requestsLeft();
    const paused = gate.pause?.reason;
    return runs.map((each) => each.progress(left === undefined || each === (readers[0] ?? runs[0]) ? left : 0, paused));
  };
  setHandler(progressQuery, progress);
  const tell = showAndTell(input.connection, Math.min(...runs.map((each) => each.begun)));
  const show = (): void => tell(progress());
  setHandler(pauseSignal, (pause) => {
    gate.close(pause);
    show();
  });
  setHandler(resumeSignal, () => {
    gate.open();
    show();
  });

  const reading = carried?.reading ?? resumePlace(runs, input.states);
  const firstSlice = reading.slices;
  const family = new Family(
    reading,
    runs.find((each) => each.stream.reach === 'organization'),
    readers,
    input.reading.rolesSource,
    fetchActivity(input, gate),
    limits,
    () => workflowInfo().continueAsNewSuggested || reading.slices - firstSlice >= limits.slicesPerRun,
    show,
  );

  requestsLeft = () => family.requestsLeft;
  await family.read();
  const open = runs.filter((each) => each.open);
  if (family.done) for (const each of open) each.complete([], (records) => family.stateOf(each, records));
  await Promise.all(runs.map((each) => each.settled()));
  show();
  if (!family.done && runs.some((each) => each.open)) {
    const streams = runs.map((each) => each.carried());
    const { pause } = gate;
    await continueAsNew<typeof organizationsWorkflow>(input, { version: 1, reading, streams, ...(pause && { pause }) });
  }
  const results = runs.map((each) => each.result(family.auditOf(each)));
  return conclude(results, results);
}
