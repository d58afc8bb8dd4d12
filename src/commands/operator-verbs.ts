import type { Command } from 'commander';
import { enableQuietMode } from './narration';
import { declareControlCommands } from './verbs/control';
import { declareInspectCommands } from './verbs/look';
import { declareScheduleCommands } from './verbs/schedule';
import { declareServiceCommands } from './verbs/services';
import { declareSetupCommands } from './verbs/setup';
import { declareStateCommands } from './verbs/state';
import { declareSyncCommands } from './verbs/sync';

/** The verbs of people who run syncs with a Temporal of their own, or with the one that comes along; in the help's order. */
const commandGroups = [
  { heading: 'Set-up', declare: declareSetupCommands },
  { heading: 'Sync', declare: declareSyncCommands },
  { heading: 'Look', declare: declareInspectCommands },
  { heading: 'Control', declare: declareControlCommands },
  { heading: 'State', declare: declareStateCommands },
  { heading: 'Schedules', declare: declareScheduleCommands },
  { heading: 'Services', declare: declareServiceCommands },
];

export function addOperatorCommands(program: Command, finish: (code: number) => void): void {
  async function act(verb: () => Promise<number>): Promise<void> {
    try {
      finish(await verb());
    } catch (error) {
      const { failOnTerminal } = await import('./fail.js');
      finish(failOnTerminal(error));
    }
  }
  for (const { heading, declare } of commandGroups) {
    program.commandsGroup(`${heading}:`);
    declare(program, act);
  }
  for (const verb of listLeafCommands(program)) verb.option('-q, --quiet', 'say nothing but the result and what went wrong');
  program.hook('preAction', (_, verb) => {
    if (verb.opts()['quiet'] === true) enableQuietMode();
  });
}

function listLeafCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : listLeafCommands(each)));
}
