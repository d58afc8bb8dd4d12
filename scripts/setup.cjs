#!/usr/bin/env node
// The entry of set-up: checks the machine before it loads what an old Node cannot parse. In ECMAScript 5.
'use strict';

require('../bin/requirements.cjs')('setup');
require('./setup-steps.cjs')(process.argv.slice(2));
