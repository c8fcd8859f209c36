import { inspect } from '../hot/inspect.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(inspect);
