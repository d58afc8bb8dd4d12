import type { Command } from 'commander';
import { beQuiet } from './narration';
import { declareControlVerbs } from './verbs/control';
import { declareLookVerbs } from './verbs/look';
import { declareScheduleVerbs } from './verbs/schedule';
import { declareServiceVerbs } from './verbs/services';
import { declareSetupVerbs } from './verbs/setup';
import { declareStateVerbs } from './verbs/state';
import { declareSyncVerbs } from './verbs/sync';

/** The verbs of people who run syncs with a Temporal of their own, or with the one that comes along; in the help's order. */
const groups = [
  { heading: 'Set-up', declare: declareSetupVerbs },
  { heading: 'Sync', declare: declareSyncVerbs },
  { heading: 'Look', declare: declareLookVerbs },
  { heading: 'Control', declare: declareControlVerbs },
  { heading: 'State', declare: declareStateVerbs },
  { heading: 'Schedules', declare: declareScheduleVerbs },
  { heading: 'Services', declare: declareServiceVerbs },
];

export function addOperatorVerbs(program: Command, finish: (code: number) => void): void {
  async function act(verb: () => Promise<number>): Promise<void> {
    try {
      finish(await verb());
    } catch (error) {
      const { failOnTerminal } = await import('./fail.js');
      finish(failOnTerminal(error));
    }
  }
  for (const { heading, declare } of groups) {
    program.commandsGroup(`${heading}:`);
    declare(program, act);
  }
  for (const verb of leavesOf(program)) verb.option('-q, --quiet', 'say nothing but the result and what went wrong');
  program.hook('preAction', (_, verb) => {
    if (verb.opts()['quiet'] === true) beQuiet();
  });
}

function leavesOf(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)));
}
