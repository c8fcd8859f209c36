import { rmi } from '../hot/rmi.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(rmi);
