/** What markdown.js uses of markdown-it: its tokens, and nothing that makes markup. */

export interface Token {
  type: string;
  tag: string;
  /** 1 opens, -1 closes, 0 is whole. */
  nesting: 1 | 0 | -1;
  level: number;
  content: string;
  info: string;
  /** "auto" of a link whose words are its address. */
  markup: string;
  /** A paragraph of a tight list has no element of its own. */
  hidden: boolean;
  children: Token[] | null;
  attrGet(name: string): string | null;
}

export interface InlineState {
  src: string;
  pos: number;
  posMax: number;
  push(type: string, tag: string, nesting: 0): Token;
}

type InlineRule = (state: InlineState, isSilent: boolean) => boolean;

export default class MarkdownIt {
  constructor(preset: "default", options: { breaks: boolean; html: boolean; linkify: boolean; maxNesting: number });
  validateLink: (address: string) => boolean;
  inline: { ruler: { before(next: string, name: string, rule: InlineRule): void } };
  disable(rule: string): this;
  parse(text: string, environment: object): Token[];
}
