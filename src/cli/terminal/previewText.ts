import type { PreviewLine } from '../../mover/identity/preview.ts'
import type { Paint, Style } from './screen.ts'

const LOOKS: Record<PreviewLine['kind'], readonly [sign: string, style: Style | undefined]> = {
  kept: [' ', undefined],
  added: ['+', 'green'],
  dropped: ['-', 'red'],
  warning: ['!', 'yellow'],
}

/** The lines of a preview as its owner reads them before they agree: what is dropped is red. */
export const previewText = (lines: readonly PreviewLine[], paint: Paint): string =>
  lines
    .map(({ kind, text }) => {
      const [sign, style] = LOOKS[kind]
      const line = `  ${sign} ${text}`
      return style ? paint(style, line) : line
    })
    .join('\n')
