#!/usr/bin/env node
import { runDaemon } from './main.ts';

// The native parts may hold handles that would keep an ended daemon alive.
process.exit(await runDaemon(process.argv.slice(2)));
