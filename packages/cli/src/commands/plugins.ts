import { plugins } from '../hot/plugins.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(plugins);
