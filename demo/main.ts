/**
 * `npm run demo`: an account with a few hundred records and images moves from a Cirrus to another server by `pds move`, is
 * proven to be complete, and comes back by `pds undo`. Everything runs on loopback, and nothing is kept.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createCleanup } from './cleanup.ts'
import { createNarrator, explain } from './narrator.ts'
import { tellStory } from './story.ts'
import { missing, TARGETS } from './target.ts'

const USAGE = `Usage: npm run demo [-- --target cirrus|reference] [--json] [--records 300] [--images 40]

  --target   where the account moves to: a second Cirrus (default), or the reference PDS
  --json     print {ok, steps[{step, ok, ms, detail?}]} and nothing else
`

const main = async (): Promise<number> => {
  const options = readOptions()
  if (typeof options === 'string') {
    process.stderr.write(options)
    return options === USAGE ? 0 : 2
  }
  const { target, json } = options
  const color = process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  const narrator = createNarrator(process.stdout, { json, color })
  const cleanup = createCleanup()
  const interrupted = new Promise<number>((resolve) => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.once(signal, () => resolve(code))
  })
  const start = performance.now()
  const told = (async () => {
    narrator.opening(
      'Cirrus: an account leaves home',
      'And comes back: nothing lost either way. All of it happens on this machine and is thrown away.',
    )
    await narrator.step('prerequisites', 'What it takes', async (tell) => {
      const lacking = missing(target)
      if (lacking) throw new Error(lacking)
      tell(
        `Node ${process.versions.node}; target: ${target === 'cirrus' ? 'a second Cirrus' : 'the reference PDS'}`,
      )
    })
    await tellStory(narrator, { ...options, cleanup })
    return 0
  })().catch((cause: unknown) => {
    if (process.env['DEBUG'])
      process.stderr.write(`${cause instanceof Error ? cause.stack : explain(cause)}\n`)
    return 1
  })

  const code = await Promise.race([told, interrupted])
  if (code >= 128) process.stderr.write('\nStopped. Tidying up …\n')
  await cleanup.close()
  // What was still starting when the signal arrived is closed as soon as it has started.
  await Promise.race([told, sleep(3000, undefined, { ref: false })])
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  if (code === 0)
    narrator.closing(`All ${narrator.report().steps.length} steps as they should be, in ${seconds} s.`)
  if (code === 1) narrator.closing('It did not go as it should: see the last step.')
  if (json) process.stdout.write(`${JSON.stringify({ ...narrator.report(), ok: code === 0 }, null, 2)}\n`)
  return code
}

const readOptions = () => {
  try {
    const { values } = parseArgs({
      options: {
        target: { type: 'string', default: 'cirrus' },
        json: { type: 'boolean', default: false },
        records: { type: 'string', default: '300' },
        images: { type: 'string', default: '40' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return USAGE
    const target = TARGETS.find((kind) => kind === values.target)
    if (!target) return `--target is ${values.target}; it can be ${TARGETS.join(' or ')}\n`
    const [records, images] = [Number(values.records), Number(values.images)]
    if (
      !Number.isInteger(records) ||
      !Number.isInteger(images) ||
      images < 1 ||
      records <= images ||
      records > 20_000
    )
      return '--records and --images are whole numbers; there are more records than images\n'
    return { target, json: values.json, records, images }
  } catch (cause) {
    return `${explain(cause)}\n${USAGE}`
  }
}

process.exitCode = await main()
// A story that was interrupted may still wait for an answer that never arrives.
if (process.exitCode !== 0) process.exit()
