#!/usr/bin/env node
import { launch } from './launch.js'

await launch({
  name: 'pds',
  file: import.meta.url,
  source: 'src/cli/main.ts',
  built: 'dist/cli/main.js',
})
