/**
 * Answers of the API, with the fields that the pages read: the types of what `get` and `post` of api.js return.
 *
 * `tests/services/web/pages/test_answers.py` compares these types with the answers of a running service.
 */

export type Parameters = Record<string, string | number | null | undefined>;

export interface Get {
  (path: "/session"): Promise<Session>;
  (path: "/reasons"): Promise<Reasons>;
  (path: "/stats"): Promise<Stats>;
  (path: "/suggestions"): Promise<Suggesting>;
  (path: "/notes", parameters?: Parameters): Promise<Notes>;
  (path: "/status"): Promise<Status>;
  (path: "/dashboard", parameters?: Parameters): Promise<Dashboard>;
  (path: "/examples", parameters?: Parameters): Promise<ExamplePage>;
  (path: `/examples/${string}/history`, parameters?: Parameters): Promise<HistoryPage>;
  (path: `/examples/${string}/related`): Promise<Related>;
  (path: `/examples/${string}`): Promise<Example>;
  (path: "/review", parameters?: Parameters): Promise<QueuePage>;
  (path: "/review/facets"): Promise<Facets>;
  (path: "/review/covered", parameters?: Parameters): Promise<Covered>;
  (path: `/review/${string}`): Promise<QueuedExample>;
  (path: "/exports", parameters?: Parameters): Promise<{ exports: Export[]; before: number | null }>;
  (path: `/exports/${string}/files`): Promise<{ files: Record<string, number> }>;
  (
    path: `/exports/${string}/changes`,
    parameters?: Parameters,
  ): Promise<{ came: number; left: number; changed: number }>;
  (path: "/tokens"): Promise<{ items: Person[] }>;
  (path: "/exporter"): Promise<Exporter>;
  (path: `/jobs/${string}`): Promise<{ result: JobResult | null }>;
  (path: "/lineage", parameters?: Parameters): Promise<Lineage>;
  (path: "/policies"): Promise<Policies>;
  (path: `/policies/${string}`): Promise<{ policy: Settings }>;
  (path: "/quarantine", parameters?: Parameters): Promise<QuarantinePage>;
  (path: "/errands", parameters?: Parameters): Promise<{ items: Errand[] }>;
  (path: `/errands/${string}`): Promise<Errand>;
  (path: "/log", parameters?: Parameters): Promise<{ items: LogLine[]; last_seq: number }>;
  (path: "/log/counted", parameters?: Parameters): Promise<{ counts: Record<string, number> }>;
  (path: "/log/moment", parameters?: Parameters): Promise<{ seq: number }>;
  (path: `/past/${number}`): Promise<PastState>;
}

export interface Post {
  (path: "/session", body: object, options?: PostOptions): Promise<Session>;
  (path: "/past", body: object, options?: PostOptions): Promise<PastState>;
  (path: "/exports" | "/trainings", body: object, options?: PostOptions): Promise<{ job: string }>;
  (path: "/policies", body: object, options?: PostOptions): Promise<{ seq: number; digest: string }>;
  (path: "/policies/preview", body: object, options?: PostOptions): Promise<PolicyPreview>;
  (
    path: `/imports/${string}` | "/verifications" | "/audits" | "/holdings" | "/tags/rename" | "/quarantine/retry",
    body: object,
    options?: PostOptions,
  ): Promise<Errand>;
  (path: "/tokens", body: object, options?: PostOptions): Promise<{ name: string; role: string; token: string }>;
  (path: `/decisions/${BulkPath}`, body: object, options?: PostOptions): Promise<BulkDecision>;
  (path: `/examples/${string}/notes`, body: object, options?: PostOptions): Promise<{ seq: number }>;
  (path: `/examples/${string}/suggestion`, body: object, options?: PostOptions): Promise<Suggestion>;
  (path: `/examples/${string}/${DecisionPath}`, body: object, options?: PostOptions): Promise<Decision>;
}

export type BulkPath = "approve" | "reject" | "describe" | "undo";

export type DecisionPath = "approve" | "reject" | "edit" | "redact" | "reopen" | "describe";

export interface PostOptions {
  /** Send no key: the request changes nothing, or the server itself knows a repeated one. */
  isKeyed?: boolean;
  /** An unknown caller is an answer here, no reason to go to the page that signs in. */
  mayBeUnknown?: boolean;
  /** Send it once: a second attempt would do it again. */
  isOnce?: boolean;
  /** The answer may take a minute. */
  isLong?: boolean;
}

export interface Session {
  name: string;
  role: string;
  rights: string[];
  is_open: boolean;
}

export interface Notes {
  items: Note[];
  before: number | null;
}

export interface Note {
  seq: number;
  example_id: string;
  occurred_at: string;
  actor: string;
  note: string;
  prompt: string | null;
}

export interface Suggesting {
  model: string | null;
}

export interface Suggestion {
  response: string;
}

export interface Named {
  name: string;
  words: string;
}

export interface Reasons {
  reasons: (Named & { stage: string })[];
  queue: Named[];
  approvals: Named[];
  causes: Named[];
  signs: Named[];
}

/* Numbers */

export interface Funnel {
  captured: number;
  corrections: number;
  lost: Record<string, number>;
  filtered: number;
  approved: number;
  unique: number;
}

export interface SourceNumbers {
  source: string;
  total: number;
  in_training: number;
  high_value: boolean;
}

export interface Stats {
  total: number;
  funnel: Funnel;
  by_source: SourceNumbers[];
  relevance: Record<string, number>;
  tags: { tag: string; total: number }[];
  review_queue: number;
}

export interface TimeStep {
  at: string;
  captures: number;
  corrections: number;
  approved: number;
  rejected: number;
}

export interface Timeline {
  unit: string;
  steps: TimeStep[];
}

export interface Topics {
  enough: number;
  covered: number;
  thin: number;
  thinnest: { tag: string; in_training: number; waiting: number }[];
}

export interface Dashboard {
  timeline: Timeline;
  topics: Topics;
  waiting: Record<string, number>;
  corrections: ExampleRow[];
  last_export: Export | null;
  last_training: Training | null;
  training: { at: number; goal: number };
  export: { min_examples: number };
}

export interface Status {
  log?: { connected: boolean; last_seq?: number };
  projector?: { behind: number; behind_seconds: number } | null;
  quarantined?: Record<string, number>;
  state?: { waiting_for_example: number };
  reason?: string;
  age_seconds: number | null;
}

/* Examples */

/** An example as a list shows it; `reasons` say why it is not in the training set. */
export interface ExampleRow {
  example_id: string;
  kind: string;
  occurred_at: string;
  actor: string;
  source: string;
  project_context: string;
  decision: string | null;
  queue: string | null;
  reasons: string[];
  prompt: string;
  response: string;
  correction_reason: string | null;
  corrector: string | null;
  personal_data_elsewhere: string[];
}

export interface ExamplePage {
  items: ExampleRow[];
  matching: number | null;
  before: number | null;
  after: string | null;
}

export interface Example {
  example_id: string;
  kind: string;
  occurred_at: string;
  actor: string;
  source: string;
  prompt: string;
  response: string;
  original_response: string | null;
  /** What was asked before a correction of the question; null where the question stayed. */
  original_prompt: string | null;
  project_context: string;
  tags: string[];
  skill_used: string | null;
  tier_handled: string | null;
  latency_ms: number | null;
  tokens_in: number | null;
  tokens_out: number | null;
  document_type: string | null;
  was_used: boolean | null;
  modifications_made: string | null;
  details: Record<string, unknown> | null;
  conversation: string | null;
  follows: string | null;
  system: string | null;
  tools: ToolTurn[];
  attachments: Record<string, string>[];
  finish_reason: string | null;
  model: string | null;
  correction_reason: string | null;
  corrector: string | null;
  score: number;
  relevance: string;
  terms: string[];
  personal_data: string[];
  personal_data_elsewhere: string[];
  found: Span[];
  comments: Comment[];
  include_in_training: boolean;
  flags: string[];
  feedback: string | null;
  decision: string | null;
  reviewer: string | null;
  decision_reason: string | null;
  approval: string | null;
  contradicts: string | null;
  revision: number;
  turns: number;
  context: string | null;
  incomplete: string[];
  earlier: EarlierTurn[];
  verdict: { in_training: boolean; reasons: string[] };
}

/** A turn before an example, with its texts as they stand; an erased one has none. */
export interface EarlierTurn {
  example_id: string;
  prompt: string;
  response: string;
  tools: ToolTurn[];
  attachments: Record<string, string>[];
  corrected_by: string | null;
  is_erased: boolean;
}

/** A call of a tool; what is empty is left out. */
export interface ToolTurn {
  name: string;
  arguments?: string;
  result?: string;
}

/** An example with its place in the review queue; `why` is null where it does not wait. */
export interface QueuedExample extends Example {
  why: string | null;
  because: string[] | null;
  /** Names of the reasons that keep it out also where a reviewer approves it. */
  after_approval: string[];
}

/** The fields of a fact that a history shows. */
export interface Fact {
  type: string;
  event_id: string;
  occurred_at: string;
  actor: string;
  reason?: string | null;
  comment?: string | null;
  note?: string;
  feedback?: string;
}

/** A part of a history; `after` goes on. */
export interface HistoryPage {
  facts: HistoryEntry[];
  after: number | null;
}

/** A message about an example; `fact` is null where it holds no valid fact. */
export interface HistoryEntry {
  seq: number;
  received_at: string;
  told: string;
  fact: Fact | null;
}

export interface Related {
  corrects: ExampleRow[];
  corrections: ExampleRow[];
  same_question: ExampleRow[];
  same_question_total: number;
}

/** A comment or reason of a fact about an example, as it stands. */
export interface Comment {
  seq: number;
  actor: string;
  fact: string;
  text: string;
}

/** Personal data at a place: `start` and `end` count code points. */
export interface Span {
  field: string;
  start: number;
  end: number;
  kind: string;
  is_guess: boolean;
  is_trained_on: boolean;
}

/* Review */

export interface QueueItem extends ExampleRow {
  why: string;
  signs: string[];
  taken_by: string | null;
}

export interface QueuePage {
  items: QueueItem[];
  opened_by: string | null;
  matching: number | null;
  total: number;
  by_sign: Record<string, number>;
  after: string | null;
}

export interface Facet {
  name: string;
  waiting: number;
}

export interface Facets {
  sources: Facet[];
  projects: Facet[];
  tags: Facet[];
}

export interface CoveredExample extends ExampleRow {
  revision: number;
  context: string | null;
  looks: string[];
}

export interface Effect {
  enter: number;
  leave: number;
  stays_in: number;
  stays_out: Record<string, number>;
}

export interface Covered {
  items: CoveredExample[];
  changed: number;
  total: number;
  effect: Effect | null;
  value: string | null;
  after: number | null;
  checkpoint: number;
}

export interface Decision {
  example_id: string;
  seq: number;
  correction_id?: string;
}

export interface Refused {
  example_id: string;
  code: string;
  message: string;
}

/** What was decided is under the name of the decision. */
export interface BulkDecision {
  approved?: Decision[];
  rejected?: Decision[];
  described?: Decision[];
  undone?: Decision[];
  refused: Refused[];
}

/* Exports */

export interface Training {
  outcome: string;
  at: string;
  call_id: string | null;
  detail: string | null;
}

export interface Export {
  at: string;
  actor: string;
  export_digest: string;
  policy_digest: string;
  log_digest: string;
  last_seq: number;
  counts: Record<string, number>;
  trainings?: Training[];
}

export interface Exporter {
  state: string;
  changed_rows: number | null;
  due_at: string | null;
  failures: number;
  error: string | null;
}

export interface JobResult {
  status: string;
  error?: string;
  examples?: number;
  reason?: string;
}

export interface ContainingExport {
  export_digest: string;
  at: string;
  last_seq: number;
  lines: string[];
  approval: string | null;
  reviewer: string | null;
  trainings: Training[];
}

/** What is behind a row of an export: its lines in the files, and its facts. */
export interface LineageRow {
  example_id: string;
  kind: string;
  source: string;
  approval: string | null;
  reviewer: string | null;
  lines: string[];
  facts: { seq: number; at: string; fact: string; actor: string }[];
  context?: number[];
}

export interface LineOrigin extends LineageRow {
  row: string;
  exports: ContainingExport[];
}

export interface ExportOrigin {
  export: Export;
  rows: LineageRow[];
}

export interface ExampleOrigin {
  example_id: string;
  in: ContainingExport[];
  untold: unknown[];
}

/** The answer depends on what was asked for: a line of a file, an export or an example. */
export type Lineage = LineOrigin | ExportOrigin | ExampleOrigin;

/* Policies */

/** Sections of a policy, each with its settings. */
export type Settings = Record<string, Record<string, unknown>>;

/** A setting in words, with what may be written there. */
export interface Setting {
  name: string;
  title: string;
  text: string;
  kind: string;
  choices: (string | number)[];
  lowest: number | null;
  highest: number | null;
  unless_given: unknown;
}

export interface SettingsSection {
  name: string;
  title: string;
  text: string;
  is_optional: boolean;
  settings: Setting[];
}

export interface Term {
  term: string;
  weight: number;
  tags?: string[];
  also?: string[];
}

export interface Lexicon {
  terms: Term[];
  rivals: string[];
  ignored: string[];
}

export interface Adoption {
  seq: number;
  occurred_at: string;
  actor: string;
  digest: string;
  reason: string | null;
  changes: { setting: string; now: unknown; then: unknown }[];
  lexicon_changes: number;
}

export interface Policies {
  digest: string;
  settings: Settings;
  sections: SettingsSection[];
  terms: number;
  adopted: Adoption[];
  total: number;
  shipped_digest: string;
}

export interface PolicyPreview {
  current: string;
  candidate: string;
  policy_seq: number;
  not_analysed: number;
  enter: number;
  leave: number;
  reasons: { change: string; reason: string; count: number }[];
  before: Funnel;
  after: Funnel;
  review_queue: { before: number; after: number };
  examples: { change: string; example_id: string; prompt: string }[];
  document: Settings;
}

/* The log */

export interface LogLine {
  seq: number;
  received_at: string;
  told: string;
  type: string | null;
  actor: string | null;
  about: string;
}

export interface QuarantinedMessage {
  seq: number;
  subject: string;
  category: string;
  reason: string;
  bytes: number | null;
  data: string | null;
  advice: string;
  can_be_folded_now: boolean;
}

export interface Retried {
  folded: number[];
  left: number;
}

export interface Held {
  places: { seq: number; kind: string; ids: string[]; field: string; trait: string }[];
  place_count: number;
  examples: string[];
  example_count: number;
}

export interface Renamed {
  old: string;
  new: string;
  total: number;
  described: number;
}

export interface QuarantinePage {
  items: QuarantinedMessage[];
  by_category: Record<string, number>;
  before: number | null;
}

export interface PastState {
  phase: string;
  done: number;
  total: number;
  seconds: number;
  error: string | null;
}

/* Long work */

export interface Errand {
  id: string;
  name: string;
  about: string;
  by: string;
  began_at: string;
  phase: string;
  done: number;
  total: number;
  ended_at: string | null;
  result: ImportResult | Proof | AuditResult | Retried | Held | Renamed | null;
  error: string | null;
}

export interface Upload {
  file: string;
  preview: Errand;
}

/** What an import did, or would do where `kinds` tell of what is new. */
export interface ImportResult {
  lines: number;
  new: number;
  existing: number;
  changed: number;
  refused: number;
  ignored: number;
  formats: Record<string, number>;
  kinds: Record<string, { count: number; examples: string[] }>;
  problems: { file: string; line: number; reason: string }[];
  problem_count: number;
}

/** A proof of the log: what was read, compared with what, and what is wrong. */
export interface Proof {
  status: string;
  messages: number;
  last: number;
  log_digest: string;
  exports: { name: string; seq: number }[];
  problems: { seq: number; kind: string; detail: string }[];
  volume_error: string | null;
}

export interface AuditResult {
  status: string;
  is_same_log: boolean;
  files: Record<string, string>;
  erased: number[];
}

/* People */

export interface Person {
  name: string;
  role: string;
  trusted: boolean;
  created_at: string;
  is_own: boolean;
}
