// Stops with one sentence on a machine that Rollcall does not run on. Every entry point loads this file first, so it must
// parse on any Node: it is written in ECMAScript 5. As a program it checks and ends.
'use strict';

var minimum = /(\d+)\.(\d+)/.exec(require('../package.json').engines.node);

/** What is wrong with a machine and what to do about it; undefined when nothing is. */
function findProblem(nodeVersion, platform) {
  var version = nodeVersion.split('.');
  var major = Number(version[0]) - Number(minimum[1]);
  if (platform === 'win32') {
    return 'Rollcall runs on Linux and macOS. On Windows, run it in WSL: https://learn.microsoft.com/windows/wsl/install';
  }
  if (major < 0 || (major === 0 && Number(version[1]) < Number(minimum[2]))) {
    return (
      'Rollcall needs Node ' +
      minimum[0] +
      ' or later, and this is Node ' +
      nodeVersion +
      '. Install a newer version: https://nodejs.org/en/download'
    );
  }
  return undefined;
}

/** Ends the process with exit code 2 and the problem on stderr, when there is one. */
function requireSupportedMachine(program) {
  var problem = findProblem(process.versions.node, process.platform);
  if (problem === undefined) return;
  process.stderr.write(program + ': ' + problem + '\n');
  process.exit(2);
}

module.exports = requireSupportedMachine;
if (require.main === module) requireSupportedMachine('rollcall');
