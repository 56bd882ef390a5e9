/** How much is at stake, the most first; `not` is what is not granted. */
export type ConsentKind = 'control' | 'private' | 'write' | 'read' | 'not'

/** What a person consents to: plain text, to be escaped where it is shown. */
export interface ConsentLine {
  text: string
  /** The names of the methods that it stands for, for those who want to know exactly. */
  details: readonly string[]
}

/** Lines by kind. What several scopes say is said once. */
export class Lines {
  readonly #lines = new Map<ConsentKind, Map<string, Set<string>>>()

  add(kind: ConsentKind, text: string, details: Iterable<string> = []): void {
    const lines = this.#lines.get(kind) ?? new Map<string, Set<string>>()
    lines.set(text, new Set([...(lines.get(text) ?? []), ...details]))
    this.#lines.set(kind, lines)
  }

  of(kind: ConsentKind): ConsentLine[] {
    return [...(this.#lines.get(kind) ?? [])].map(([text, details]) => ({ text, details: [...details] }))
  }
}
