import { defineConfig } from 'tsdown'

/** `pds` and `pds-contract` in the published package: Node strips no types below node_modules. Dependencies and all; age, which few runs need, in a file of its own. */
export default defineConfig({
  entry: { main: 'src/cli/main.ts', contract: 'src/cli/contract/main.ts' },
  outDir: 'dist/cli',
  format: 'esm',
  platform: 'node',
  target: 'node22',
  dts: false,
  clean: true,
  fixedExtension: false,
})
