import { start } from '../hot/start.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(start);
