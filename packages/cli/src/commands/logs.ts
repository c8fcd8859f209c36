import { logs } from '../hot/logs.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(logs);
