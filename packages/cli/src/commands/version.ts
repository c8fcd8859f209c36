import { version } from '../hot/version.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(version);
