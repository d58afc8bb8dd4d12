/** What a process's exit code says; the same for every command. */
export const exitCodes = {
  ok: 0,
  /** Nothing was copied, or something is wrong that no other code names. */
  failed: 1,
  /** The command line, a file, or the environment is not as it must be. */
  usage: 2,
  /** Some streams are complete, others are not. */
  partial: 3,
  /** The tenant refuses the credentials, or they lack a scope. */
  credentials: 4,
  /** Auth0, Temporal or the destination can't be reached, or what answers is something else. */
  unreachable: 5,
  interrupted: 130,
  /** Whoever read standard output has closed it. */
  brokenPipe: 141,
} as const;

const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'success: every stream is complete (check: a status was reported)',
  failed: 'failed',
  usage: 'invalid command line, file or environment',
  partial: 'some streams are complete, others are not',
  credentials: 'Auth0 rejected the credentials, or a scope is missing',
  unreachable: 'cannot connect to Auth0, Temporal or the destination',
  interrupted: 'interrupted',
  brokenPipe: 'the reader closed standard output',
};

/** The codes for people, as the help shows them. */
export function formatExitCodeHelp(): string {
  const lines = Object.entries(exitCodes).map(
    ([name, code]) => `  ${String(code).padEnd(3)}  ${exitCodeMeanings[name as keyof typeof exitCodes]}`,
  );
  return ['', 'Exit codes:', ...lines].join('\n');
}

/** The codes of error classes and failure types, by name; `failed` for all others. */
const exitCodesByName: Readonly<Record<string, number>> = {
  ConfigError: exitCodes.usage,
  CatalogError: exitCodes.usage,
  StateError: exitCodes.usage,
  UnknownStream: exitCodes.usage,
  UnreadableState: exitCodes.usage,
  TemporalMissing: exitCodes.usage,
  TemporalProfileInvalid: exitCodes.usage,
  EmbeddedServerBusy: exitCodes.usage,
  DestinationUnreadable: exitCodes.usage,
  DestinationRefused: exitCodes.usage,
  BadCredentials: exitCodes.credentials,
  MissingScope: exitCodes.credentials,
  FeatureNotInPlan: exitCodes.credentials,
  NoRun: exitCodes.usage,
  NoRunKept: exitCodes.usage,
  NoSchedule: exitCodes.usage,
  ScheduleExists: exitCodes.usage,
  ScheduleRefused: exitCodes.usage,
  TemporalUnreachable: exitCodes.unreachable,
  Transient: exitCodes.unreachable,
  UnexpectedAnswer: exitCodes.unreachable,
  DestinationUnavailable: exitCodes.unreachable,
  BrokenPipe: exitCodes.brokenPipe,
};

/** The exit code of an error or a failure, from its name. */
export function getExitCodeByName(name: string): number {
  return exitCodesByName[name] ?? exitCodes.failed;
}
