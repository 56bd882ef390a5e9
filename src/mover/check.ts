/** What one question found out, before a move or after it. */
export interface Check {
  /** What was asked: a word that does not change, for programs. */
  readonly id: string
  /** `warn`: it deserves a look, or could not be found out. */
  readonly level: 'pass' | 'warn' | 'fail'
  /** What was seen. */
  readonly seen: string
  /** What to do about it. */
  readonly mend?: string
}

export const pass = (id: string, seen: string): Check => ({ id, level: 'pass', seen })
export const warn = (id: string, seen: string, mend: string): Check => ({ id, level: 'warn', seen, mend })
export const fail = (id: string, seen: string, mend: string): Check => ({ id, level: 'fail', seen, mend })

/** The worst level of these checks. */
export const worst = (checks: readonly Check[]): Check['level'] => {
  const levels = checks.map(({ level }) => level)
  if (levels.includes('fail')) return 'fail'
  return levels.includes('warn') ? 'warn' : 'pass'
}
