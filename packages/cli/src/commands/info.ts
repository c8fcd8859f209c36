import { info } from '../hot/info.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(info);
