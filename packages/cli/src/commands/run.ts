import { run } from '../hot/run.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(run);
