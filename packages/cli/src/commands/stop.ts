import { stop } from '../hot/stop.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(stop);
