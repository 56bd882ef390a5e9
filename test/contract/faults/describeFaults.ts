import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Planted } from '../repository/spoil.ts'
import { brokenOf } from '../repository/world.ts'
import { createFullWorld, type FullWorld } from './fullWorld.ts'
import { methodsOf, runFault, runUnspoiled, type RunOptions } from './runFault.ts'
import { othersOf, tableOf } from './table.ts'

/** Ends what hangs, on a machine that is busy with other things, too. */
const WATCHDOG_MS = 900_000

/**
 * Tests that the whole suite finds each fault in a real Worker: by the rule that is about it, and by no other than those
 * that the fault names. A stranger finds it in no method but those that are faulty. Prints them as a table.
 */
export function describeFaults(faults: readonly Planted[], options: RunOptions = {}): void {
  let world: FullWorld
  let unspoiled: Awaited<ReturnType<typeof runUnspoiled>>
  beforeAll(async () => {
    world = await createFullWorld()
    unspoiled = await runUnspoiled(world, options)
  })
  const found: Planted[] = []
  afterEach(() => world.restore())
  afterAll(() => console.log(tableOf(found)))

  it('a Worker without a fault keeps every rule', () => {
    const { report } = unspoiled
    expect([brokenOf(report), report.incomplete, report.left]).toEqual([[], [], []])
  })

  it.for(faults)('$rule finds: $name', { timeout: WATCHDOG_MS }, async (fault) => {
    const report = await runFault(world, unspoiled.asked, fault, options)
    const lines = brokenOf(report)
    const seen = new Set(lines.map((line) => line.split(' ')[0] ?? ''))
    expect(seen, lines.join('\n')).toContain(fault.rule)
    const allowed = [fault.rule, ...othersOf(fault)]
    expect(
      lines.filter((line) => !allowed.includes(line.split(' ')[0] ?? '')),
      'found by rules that are about something else',
    ).toEqual([])
    expect(report.incomplete).toEqual([])
    const at = methodsOf(fault)
    if (options.asStranger && at)
      expect(lines.filter((line) => !at.includes(line.split(' ')[1] ?? ''))).toEqual([])
    found.push(fault)
  })

  it('the faults have left nothing behind', async () => {
    const { report } = await runUnspoiled(world, options)
    expect([brokenOf(report), report.incomplete, report.left]).toEqual([[], [], []])
  })
}
