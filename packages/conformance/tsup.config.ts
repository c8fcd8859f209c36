import { library } from '../../tools/tsup.ts';

export default library(['src/storage/index.ts', 'src/runtime/index.ts']);
