import type { Rule } from '../../src/contract/types.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A URL is a link in itself; what stands beside it is text. */
const source = (text: string): string => cell(text).replaceAll(/https:\/\/[^\s;,)]+[^\s;,).:]/g, '<$&>')

const areaOf = ({ id }: Rule): string => id.split('.')[0] ?? id

/** The rules of the contract suite for people: a table for each area, in the order in which a run goes through them. */
export function emitRules(rules: readonly Rule[]): string {
  const count = (level: Rule['level']) => rules.filter((rule) => rule.level === level).length
  const areas = [...new Set(rules.map(areaOf))]
  return [
    `${rules.length} rules: ${count('must')} of level must, ${count('should')} of level should, ${count('house')} of level house.`,
    ...areas.flatMap((area) => [
      '',
      `### ${area}`,
      '',
      '| rule | level | what is expected | source | profiles |',
      '|---|---|---|---|---|',
      ...rules
        .filter((rule) => areaOf(rule) === area)
        .map(
          (rule) =>
            `| \`${rule.id}\` | ${rule.level} | ${cell(rule.sentence)} | ${source(rule.source)} | ${rule.profiles.join(', ')} |`,
        ),
    ]),
  ].join('\n')
}

const MARKERS = /(<!-- rules -->\n)[^]*?(<!-- \/rules -->)/

/** A text with the rules between its markers. */
export const embedRules = (text: string, rules: string): string =>
  text.replace(MARKERS, (_, begin: string, end: string) => `${begin}${rules}\n${end}`)
