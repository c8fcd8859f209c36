import { kill } from '../hot/kill.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(kill);
