#!/usr/bin/env node
import { launch } from './launch.js'

await launch({
  name: 'pds-contract',
  file: import.meta.url,
  source: 'src/cli/contract/main.ts',
  built: 'dist/cli/contract.js',
})
