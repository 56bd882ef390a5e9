/** A line of `pds doctor`. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do. */
  readonly next?: string
}

export const ok = (name: string, message: string): Check => ({ name, state: 'ok', message })
export const warn = (name: string, message: string, next: string): Check => ({
  name,
  state: 'warn',
  message,
  next,
})
export const fail = (name: string, message: string, next: string): Check => ({
  name,
  state: 'fail',
  message,
  next,
})
