import { images } from '../hot/images.ts';
import { oclifCommand } from '../kit/oclif.ts';

export default oclifCommand(images);
