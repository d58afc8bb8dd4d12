// Makes a fresh clone ready to run: packages, the build, a `temporal` binary. Does only what is missing, and is silent
// when nothing is; then it takes 0.1 s and no network. Writes to stderr only.
const { join } = require('node:path');

const ROOT = join(__dirname, '..');
const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** `--no-temporal` leaves the binary out: a program that needs one downloads it. */
module.exports = async function setUp(args) {
  try {
    const { installPackages, isInstalled } = await import('./packages.mjs');
    if (!isInstalled(ROOT)) {
      say('installing packages');
      installPackages(ROOT);
    }
    const { build, isBuilt } = await import('./build.mjs');
    if (!isBuilt()) {
      say('building');
      await build();
    }
    if (args.includes('--no-temporal')) return;
    const { hasTemporal, provideTemporal } = await import('./temporal-binary.mjs');
    if (!hasTemporal()) await provideTemporal(say);
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
};
