import { defineConfig } from 'tsdown'

/** `pds` in the published package: Node strips no types below node_modules. One file, dependencies and all. */
export default defineConfig({
  entry: { main: 'src/cli/main.ts' },
  outDir: 'dist/cli',
  format: 'esm',
  platform: 'node',
  target: 'node22',
  dts: false,
  clean: true,
  fixedExtension: false,
})
