// Starts the built program. In ECMAScript 5, as requirements.cjs.
'use strict';

var fs = require('fs');
var path = require('path');
var root = path.dirname(__dirname);

module.exports = function start(name) {
  require('./requirements.cjs')(name);
  if (!fs.existsSync(path.join(root, 'dist', 'cli.js'))) {
    process.stderr.write(name + ': Rollcall is not built. Run `npm run setup` in ' + root + '\n');
    process.exit(2);
  }
  require('../dist/cli.js').main(name);
};
