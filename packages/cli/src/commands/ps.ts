import { ps } from '../hot/ps.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(ps);
