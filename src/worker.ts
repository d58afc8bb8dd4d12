import { main } from './cli/main';

void main('rollcall', ['worker']);
