import { pull } from '../hot/pull.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(pull);
