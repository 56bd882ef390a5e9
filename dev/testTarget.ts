/**
 * `npm run test:target -- --url <origin>`: `pds rehearse-target`, with a PLC directory that is started here where none is
 * named and none answers. The server under test must use the same one.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from '../src/cli/run.ts'
import { processIo } from '../src/cli/terminal/io.ts'
import { startPlc } from './plc.ts'

const USAGE =
  'Usage: npm run test:target -- --url <origin> [--plc <url>] [--handle <handle>] [--json]\n\nWithout --plc: the directory at http://localhost:2582, which is started if nothing answers there.\n'
const PLC_PORT = 2582

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(`${url}/_health`)).ok
  } catch {
    return false
  }
}

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      plc: { type: 'string' },
      handle: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { url, plc, handle, json } = values
  if (url === undefined) {
    process.stderr.write(USAGE)
    return 2
  }
  const own = `http://localhost:${PLC_PORT}`
  const started = plc === undefined && !(await answers(own)) ? await startPlc({ port: PLC_PORT }) : undefined
  try {
    return await run(
      [
        ...['rehearse-target', url, '--plc', plc ?? own, '--yes'],
        ...(handle === undefined ? [] : ['--handle', handle]),
        ...(json ? ['--json'] : []),
      ],
      processIo(join(import.meta.dirname, '..'), new AbortController().signal),
    )
  } finally {
    await started?.close()
  }
}

process.exitCode = await main()
