import { rm } from '../hot/rm.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(rm);
