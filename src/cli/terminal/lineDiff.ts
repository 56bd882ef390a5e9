export interface DiffLine {
  readonly sign: '+' | '-' | ' '
  readonly text: string
}

/** Lengths of the longest common subsequences of what follows each pair of lines. */
const commonLengths = (before: readonly string[], after: readonly string[]): number[][] => {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    Array.from({ length: after.length + 1 }, () => 0),
  )
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = lengths[i]
      if (row) row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  return lengths
}

/** What distinguishes two texts, line by line, for files of some hundred lines. */
export function lineDiff(from: string, to: string): DiffLine[] {
  const [before, after] = [from.split('\n'), to.split('\n')]
  const lengths = commonLengths(before, after)
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [left, right] = [before[i], after[j]]
    if (left !== undefined && left === right) {
      lines.push({ sign: ' ', text: left })
      ;[i, j] = [i + 1, j + 1]
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: left })
      i++
    } else {
      lines.push({ sign: '+', text: right ?? '' })
      j++
    }
  }
  return lines
}

const CONTEXT_LINES = 2

/** The same as text: the lines that differ, and two around each; `…` stands for the rest. */
export function diffText(from: string, to: string, paint: (line: DiffLine, text: string) => string): string {
  const lines = lineDiff(from, to)
  const isNear = (n: number) =>
    lines.slice(Math.max(0, n - CONTEXT_LINES), n + CONTEXT_LINES + 1).some(({ sign }) => sign !== ' ')
  return lines
    .flatMap((line, n) => {
      if (isNear(n)) return [paint(line, `${line.sign} ${line.text}`.trimEnd())]
      return n === 0 || isNear(n - 1) ? ['…'] : []
    })
    .join('\n')
}
