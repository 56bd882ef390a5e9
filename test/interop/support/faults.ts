// Faults that are put into the mover's way, and the table of what each has cost.
import { expect } from 'vitest'

import { memoryStore, type MemoryStore } from '../../mover/fakes/memoryStore.ts'
import { lost, type Mover, type MoveStage, newMover, runMover, type RunOptions } from './mover.ts'

export interface Row {
  fault: string
  where: string
  runs: number
  lost: string
}

const COLUMNS = ['fault', 'where', 'runs', 'lost'] as const

/** The table as lines. */
export const tableOf = (rows: readonly Row[]): string => {
  const head = { fault: 'fault', where: 'where it is put in', runs: 'runs', lost: 'what was lost' }
  const width = (name: keyof Row) => Math.max(...[head, ...rows].map((row) => String(row[name]).length))
  const line = (row: Record<keyof Row, unknown>) =>
    COLUMNS.map((name) => String(row[name]).padEnd(width(name)))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

/** Looks at what a move has cost, once it is finished. Nothing may be lost. */
export const settle = async (
  stage: MoveStage,
  rows: Row[],
  { fault, where, mover, runs }: { fault: string; where: string; mover: Mover; runs: number },
): Promise<void> => {
  const gone = await lost(stage, mover)
  rows.push({ fault, where, runs, lost: gone.length === 0 ? 'nothing' : gone.join(', ') })
  expect(gone, `${fault}, ${where}`).toEqual([])
}

class Killed extends Error {}

/** A store whose mover dies at its n-th line, before the line is on the disk or after it. */
export const dying = (store: MemoryStore, n: number, when: 'before' | 'after') => {
  let seen = 0
  const wrapped = {
    ...store,
    died: undefined as string | undefined,
    async appendLine(line: string) {
      if (wrapped.died !== undefined) throw new Killed()
      const isLast = seen++ === n
      if (!isLast || when === 'after') await store.appendLine(line)
      if (!isLast) return
      wrapped.died = line
      throw new Killed()
    },
  }
  return wrapped
}

/** What a line of the journal is about. */
export const nameOf = (line: string): string => {
  const { type, step, state } = JSON.parse(line) as { type: string; step?: string; state?: string }
  return [type === 'step' ? undefined : type, step, state].filter(Boolean).join(' ')
}

/** Runs the mover until it is finished, at most so often. Returns how often. */
export const finish = async (stage: MoveStage, mover: Mover, run: RunOptions, most = 3): Promise<number> => {
  for (let runs = 1; ; runs++)
    try {
      const report = await runMover(stage, mover, run)
      expect(report).toMatchObject({ ok: true, activated: true, missing: [] })
      if (report.sourceDeactivated) return runs
      if (runs >= most) throw new Error(`the source stays active: ${report.next}`)
    } catch (cause) {
      if (runs >= most || (cause instanceof Error && cause.name === 'AssertionError')) throw cause
    }
}

/**
 * One account after the other, whose mover is killed at the first line of the journal, at the second, and so on until it gets
 * through; each is then finished, with its journal or without it. Returns how many lines there were.
 */
export async function killAtEachLine(
  stage: MoveStage,
  rows: Row[],
  options: { when: 'before' | 'after'; journal: 'kept' | 'lost'; only?: (name: string) => boolean },
): Promise<number> {
  const { when, journal, only = () => true } = options
  const counted = memoryStore()
  await runMover(stage, await newMover(stage, { records: 3, blobs: 2 }), { store: counted })
  for (const [n, line] of counted.lines.entries()) {
    if (!only(nameOf(line))) continue
    const mover = await newMover(stage, { records: 3, blobs: 2 })
    const store = memoryStore()
    const mortal = dying(store, n, when)
    await runMover(stage, mover, { store: mortal }).catch((cause: unknown) => {
      if (mortal.died === undefined) throw cause
    })
    expect(mortal.died, `line ${n}`).toBeDefined()
    const runs = await finish(stage, mover, { store: journal === 'kept' ? store : memoryStore() })
    const where = `${when} “${nameOf(mortal.died ?? '')}” is on the disk`
    await settle(stage, rows, { fault: `killed, journal ${journal}`, where, mover, runs: runs + 1 })
  }
  return counted.lines.length
}
