// The mover killed at every line of its journal, on either side of the disk, with the journal and without it.
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startPlc } from '../../support/plc.ts'
import { killAtEachLine, type Row, tableOf } from '../support/faults.ts'
import type { MoveStage } from '../support/mover.ts'
import { startReference } from '../support/reference.ts'

let stage: MoveStage
const rows: Row[] = []
beforeAll(async () => {
  const plc = await startPlc()
  const [source, target] = await Promise.all([
    startReference({ plcUrl: plc.url }),
    startReference({ plcUrl: plc.url }),
  ])
  stage = { plc, source, target }
})
afterAll(async () => {
  await Promise.all([stage?.source.close(), stage?.target.close()])
  await stage?.plc.close()
  process.stdout.write(`\n${tableOf(rows)}\n`)
})

it.each([
  { when: 'before', journal: 'kept' },
  { when: 'after', journal: 'kept' },
  { when: 'before', journal: 'lost' },
  { when: 'after', journal: 'lost' },
] as const)(
  'killed $when each line is on the disk, the journal $journal',
  async (options) => {
    expect(await killAtEachLine(stage, rows, options)).toBeGreaterThan(25)
  },
  1_200_000,
)
