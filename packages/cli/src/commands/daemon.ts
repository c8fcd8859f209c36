import { daemon } from '../hot/daemon.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(daemon);
