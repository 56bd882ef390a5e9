import { setTimeout } from 'node:timers/promises'
import { carOf, plant, recordOf, treeOf } from '../data.ts'
import { alternate, timed } from '../measure.ts'
import { mapValues, rowOf, type Stand } from '../row.ts'
import { post, setActive } from './fill.ts'

const MORE = 10

/**
 * importRepo of almost the same repository, as from a mirror or a move that is started again. First ten records more,
 * then ten fewer, so that the repository ends as it began.
 */
export const again = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const more = plant(Array.from({ length: size + MORE }, (_, n) => recordOf(n)))
  // A server may have closed a connection meanwhile: this lets the client notice it.
  await setTimeout(100)
  const runs = await alternate(servers, 4, async (server, round) => {
    const tree = round % 2 === 0 ? more : treeOf(size)
    const car = await carOf(tree, server.did, server.signingKey)
    progress(`${server.kind}: importing ${tree.size} records over ${size}`)
    await setActive(server, false)
    let written: number | undefined
    const ms = await timed(async () => (written = await post(server, car)))
    await setActive(server, true)
    return { ms, written }
  })
  const of = (measure: string, unit: string) =>
    ({ name: 'importRepo', size, measure, unit, better: 'lower' }) as const
  add(
    rowOf(
      of('importRepo again, ten records changed', 'ms'),
      mapValues(runs, ({ ms }) => ms),
    ),
  )
  const rows = [...runs.values()].flat().flatMap(({ written }) => written ?? [])
  if (rows.length > 0) add(rowOf(of('rows written by importRepo again', 'rows'), new Map([['cirrus', rows]])))
}
