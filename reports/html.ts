import { createHash } from 'node:crypto';
import { SCRIPT, STYLE } from './html-assets.ts';
import { LEVELS, type Level, type Report, type ReportCheck, type ReportComponent } from './model.ts';
import { bounded, visible } from './untrusted.ts';
import {
  advice,
  checkCount,
  facts,
  partial,
  plural,
  remark,
  roleSizes,
  seconds,
  size,
  standing,
  target,
  tenth,
  verdictWords,
} from './words.ts';

/**
 * report.html: one file that needs no network and no server. Everything is there without script; the script only filters. A policy in
 * the page forbids every load and every script but that one, so text of a service stays text.
 */
export function html(report: Report): string {
  const digest = createHash('sha256').update(SCRIPT).digest('base64');
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
  const heading = partial(report);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${heading === null ? '' : 'PARTIAL '}${text(verdictWords(report))}: ${text(report.phase.name)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<a class="skip" href="#checks">Skip to the checks</a>',
    header(report, heading),
    '<main>',
    gate(report),
    causes(report),
    components(report),
    picture(report),
    past(report),
    promises(report),
    checks(report),
    ledger(report),
    '</main>',
    footer(report),
    `<script>${SCRIPT}</script>`,
    '</body>',
    '</html>',
    '',
  ]
    .filter(Boolean)
    .join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for a body or an attribute. */
export function text(value: string): string {
  return visible(bounded(value, 4_000)).replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);
}

const anchor = (component: string, check?: string): string =>
  text(check === undefined ? `c-${component}` : `${component}/${check}`);

const link = (ref: string): string => `<a href="#${text(encodeURI(ref))}">${text(ref)}</a>`;

function table(caption: string, head: readonly string[], rows: readonly string[], kind = ''): string {
  return `<div class="scroll" tabindex="0" role="group" aria-label="${text(caption)}"><table${kind ? ` class="${kind}"` : ''}><caption>${text(caption)}</caption><thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

const row = (cells: readonly string[], attributes = ''): string =>
  `<tr${attributes}>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;

const section = (id: string, title: string, body: string): string =>
  body === '' ? '' : `<section aria-labelledby="${id}"><h2 id="${id}">${text(title)}</h2>${body}</section>`;

function header(report: Report, heading: string | null): string {
  const { score } = report;
  const figure = (name: string, value: string, about: string): string =>
    `<div><dt>${name}</dt><dd>${value}</dd><dd class="about">${about}</dd></div>`;
  return [
    `<header class="${report.verdict}">`,
    heading === null ? '' : `<p class="partial">${text(heading)}</p>`,
    `<h1><span class="verdict">${text(verdictWords(report))}</span> ${text(report.phase.name)}</h1>`,
    `<p class="advice">${text(advice(report))}</p>`,
    '<dl class="figures">',
    figure('Score', `${tenth(score.value)}<small> / 100</small>`, `at best ${tenth(score.atBest)}`),
    figure('Seen', `${tenth(score.coverage)}%`, 'of what was promised'),
    figure('Held', `${tenth(score.quality)}%`, 'of what was seen'),
    report.health
      ? figure(
          'Pods ready',
          `${report.health.ready}<small> / ${report.health.desired}</small>`,
          `${report.health.percent.toFixed(1)}%`,
        )
      : '',
    '</dl>',
    `<p class="target">${text(target(report))}</p>`,
    '</header>',
  ].join('');
}

function gate({ gate: lines, comparison }: Report): string {
  const rows = lines.map(({ rule, observed, passed }) =>
    row([mark(passed ? 'passed' : 'failed', passed ? 'holds' : 'broken'), text(rule), text(observed)]),
  );
  const before = comparison ? `<p>${text(sinceWords(comparison))}</p>` : '';
  return section('gate', 'Gate', table('Rules of the gate', ['Verdict', 'Rule', 'Observed'], rows) + before);
}

function sinceWords(comparison: NonNullable<Report['comparison']>): string {
  const { baseline, comparable, why, scoreDelta, fixed, broken } = comparison;
  if (!comparable) return `Not comparable with run ${baseline}: ${why.join(', ')}.`;
  return `Since run ${baseline}: score ${scoreDelta >= 0 ? '+' : ''}${scoreDelta.toFixed(1)}, ${fixed.length} fixed, ${broken.length} broken.`;
}

const mark = (status: string, words = status): string =>
  `<span class="mark ${text(status.replace(/ /g, '-').toLowerCase())}">${text(words)}</span>`;

function causes({ fixFirst }: Report): string {
  const items = fixFirst.map(
    ({ rootCause, remedy, component, pointsAtStake, scoreIfMended, blocks, evidence, class: kind }) => {
      const frees =
        blocks.length === 0
          ? ''
          : `<details><summary>frees ${plural(blocks.length, 'check')}</summary><p>${blocks.map(link).join(', ')}</p></details>`;
      return `<li><h3>${text(rootCause)}</h3><p class="worth">+${tenth(pointsAtStake)} <small>up to ${tenth(scoreIfMended)}</small></p><p>${text(remedy)}</p><p class="about"><a href="#${anchor(component)}">${text(component)}</a> · ${text(kind)}</p><pre>${text(evidence)}</pre>${frees}</li>`;
    },
  );
  return section('fix', 'Fix first', items.length === 0 ? '' : `<ol class="causes">${items.join('')}</ol>`);
}

function components(report: Report): string {
  const { comparison } = report;
  const rows = report.components.map((each) => {
    const before = comparison?.components[each.id];
    const name = `<a href="#${anchor(each.id)}">${text(each.title)}</a> ${each.version === null ? '' : text(each.version)}${each.stance === 'double' ? ' <strong>double</strong>' : ''}${each.required ? '' : ' <em>optional</em>'}`;
    return row([
      name,
      mark(each.status),
      each.target === null ? '' : `${size(each)} ${each.unit}${text(roleSizes(each))}`,
      `${tenth(each.earned)} / ${tenth(each.points)}`,
      ...(comparison ? [before ? `${text(before.status)}, ${tenth(before.earned)}` : 'not promised'] : []),
      text([remark(each), standing(each, report)].filter(Boolean).join(' · ')),
      each.owner === null
        ? ''
        : text(each.owner) + (each.runbook === null ? '' : `<br><small>${text(each.runbook)}</small>`),
    ]);
  });
  return section(
    'components',
    'Components',
    table(
      'Components',
      ['Component', 'Status', 'Size', 'Points', ...(comparison ? ['Before'] : []), 'What we saw', 'Who'],
      rows,
    ),
  );
}

/** Component by level: how much of what the level is worth was earned. */
function picture({ components: all }: Report): string {
  const levels = LEVELS.filter((level) =>
    all.some(({ checks: own }) => own.some((check) => check.level === level && check.points > 0)),
  );
  if (levels.length === 0) return '';
  const rows = all.map((component) => {
    const cells = levels.map((level) => cell(component, level)).join('');
    return `<tr><th scope="row">${text(component.title)}</th>${cells}</tr>`;
  });
  return section(
    'picture',
    'Where the points are',
    table('Share of the points earned, by component and level', ['Component', ...levels], rows, 'picture'),
  );
}

function cell({ checks: own }: ReportComponent, level: Level): string {
  const here = own.filter((check) => check.level === level && check.points > 0);
  if (here.length === 0) return '<td class="none"><span>·</span></td>';
  const points = here.reduce((sum, check) => sum + check.points, 0);
  // Points are rounded one by one, so their sums differ in the last digit.
  const share = Math.floor((here.reduce((sum, check) => sum + check.earned, 0) * 100) / points + 1e-3);
  return `<td class="s${Math.floor(share / 25)}"><span>${share}%</span><small>${tenth(points)}</small></td>`;
}

/** The scores of the last runs as a line. */
function past({ trend, score, run }: Report): string {
  if (trend.length === 0) return '';
  const points = [...trend.map((each) => each.score), score.value];
  const step = 600 / Math.max(1, points.length - 1);
  const path = points.map((value, index) => `${(index * step).toFixed(1)},${(104 - value).toFixed(1)}`).join(' ');
  const words = `Scores of ${plural(points.length, 'run')}, oldest first: ${points.map(tenth).join(', ')}`;
  return section(
    'trend',
    'Trend',
    `<svg viewBox="-6 0 612 110" role="img" aria-label="${words}"><line x1="0" y1="4" x2="600" y2="4"/><line x1="0" y1="104" x2="600" y2="104"/><polyline points="${path}"/></svg><p class="about">${words}. From ${text(trend[0]?.startedAt.slice(0, 10) ?? '')} to ${text(run.startedAt.slice(0, 10))}.</p>`,
  );
}

function promises({ goals, stages, waivers, before, notes, problems, health }: Report): string {
  const lists = [
    goals.length === 0
      ? ''
      : table(
          'Goals',
          ['Goal', 'Achieved', 'Promised', 'Share'],
          goals.map((each) => row([text(each.goal), text(each.achieved), text(each.target), `${each.percent}%`])),
        ),
    stages.length === 0
      ? ''
      : table(
          'Stages',
          ['Stage', 'Components', 'Points earned', 'Estimate'],
          stages.map((each) =>
            row([
              text(each.stage),
              text(each.of.join(', ')),
              each.percent === null ? 'not begun' : `${each.percent}%`,
              text(each.estimate ?? ''),
            ]),
          ),
        ),
    waivers.length === 0
      ? ''
      : table(
          'Waivers',
          ['Checks', 'Reason', 'Owner', 'Until', 'Points'],
          waivers.map((each) =>
            row([
              `<code>${text(each.checks)}</code>${each.covers.length ? ` covers ${text(each.covers.join(', '))}` : ''}`,
              text(each.reason),
              text([each.owner, each.approver].filter(Boolean).join(', approved by ')),
              `${text(each.expires)}${each.expired ? ' <strong>expired</strong>' : ''}${each.staleSince === null ? '' : ' <em>nothing needs it any more</em>'}`,
              tenth(each.points),
            ]),
          ),
        ),
    before === null
      ? ''
      : `<p>Before the phase, counted by hand: ${before.ready} of ${before.desired} pods${health ? `; now ${health.ready} of ${health.desired}` : ''}.</p>`,
    problems.length === 0
      ? ''
      : `<h3>Broken in the run itself</h3><ul>${problems.map(({ where, what, remedy }) => `<li>${text(where)}: ${text(what)}. ${text(remedy)}</li>`).join('')}</ul>`,
    notes === null ? '' : `<h3>Written by hand</h3><p class="notes">${text(notes)}</p>`,
  ];
  return section('promises', 'Promises', lists.join(''));
}

const FILTERS = ['passed', 'failed', 'blocked', 'unobserved', 'deferred', 'skipped'] as const;

function checks(report: Report): string {
  const boxes = FILTERS.map(
    (status) => `<label><input type="checkbox" name="status" value="${status}" checked> ${status}</label>`,
  ).join('');
  const form = `<form class="filter" role="search" aria-label="Filter the checks"><label>Find <input type="search" name="words" autocomplete="off"></label><fieldset><legend>Status</legend>${boxes}</fieldset><output aria-live="polite"></output></form>`;
  return section('checks', 'Checks', form + report.components.map((component) => componentChecks(component)).join(''));
}

function componentChecks(component: ReportComponent): string {
  const where = component.endpoints
    .map(({ logical, dialled, path }) => `${logical === dialled ? logical : `${logical} by ${dialled}`} (${path})`)
    .join(', ');
  const head = `<h3 id="${anchor(component.id)}">${text(component.title)} <small>${text(component.id)}</small></h3>${where ? `<p class="about">${text(where)}</p>` : ''}${component.storage.length > 0 ? `<p class="about">Stored in ${text(component.storage.join(', '))}</p>` : ''}`;
  const rows = component.checks.map((check) =>
    row(
      [
        `<a class="id" href="#${text(encodeURI(`${component.id}/${check.id}`))}">${text(check.id)}</a><br>${text(check.claim)}`,
        mark(check.status) + (check.flaky ? ' <strong>flaky</strong>' : ''),
        check.level,
        `${check.earned.toFixed(2)} / ${check.points.toFixed(2)}`,
        `${check.durationMs} ms`,
        evidence(check),
      ],
      ` id="${anchor(component.id, check.id)}" class="check" data-status="${check.status}"`,
    ),
  );
  return (
    head +
    table(`Checks of ${component.title}`, ['Check', 'Status', 'Level', 'Points', 'Took', 'Evidence'], rows, 'checks')
  );
}

function evidence(check: ReportCheck): string {
  const since =
    check.failingSince === null
      ? ''
      : `<p class="about">so since ${text(check.failingSince)} · ask it alone: <code>${text(check.reproduce)}</code></p>`;
  const known = check.diagnosis;
  if (check.status === 'passed') return text(facts(check.observed, 400));
  if (check.status === 'skipped') return `does not apply: <code>${text(check.skippedBecause ?? '')}</code>`;
  if (known === null) return `blocked by ${link(check.blockedBy ?? '')}${since}`;
  const seen = check.observed ? `<p class="about">${text(facts(check.observed, 400))}</p>` : '';
  return `<strong>${text(known.cause)}</strong><p>${text(known.remedy)}</p><pre>${text(known.evidence)}</pre>${seen}${since}`;
}

function ledger({ ledger: lines, score }: Report): string {
  if (lines.length === 0) return '';
  const rows = lines.map(({ component, check, points, status, cause }) =>
    row([text(component), `<code>${text(check)}</code>`, points.toFixed(2), text(status), text(cause)]),
  );
  const lost = lines.reduce((sum, { points }) => sum + points, 0);
  return section(
    'ledger',
    'Where the points went',
    `${table('Lost points', ['Component', 'Check', 'Points', 'Status', 'Cause'], rows)}<p>Together ${lost.toFixed(2)}, at a score of ${tenth(score.value)}.</p>`,
  );
}

function footer(report: Report): string {
  const { run, cleanup, tool, phase } = report;
  const whole = run.complete ? 'complete' : `incomplete: ${run.cut ?? 'cut short'}`;
  return `<footer><p>${text(target(report))} · ${run.startedAt.slice(0, 16).replace('T', ' ')} UTC · ${seconds(run.durationMs)} · ${text(whole)} · ${run.readOnly ? 'read-only' : `${cleanup.created} scratch objects created, ${cleanup.removed} removed`} · run ${text(run.id)} · ${checkCount(report)} · ${text(tool.name)} ${text(tool.version)}, catalogue ${text(tool.catalogue.slice(0, 12))}, phase ${text(phase.sha256.slice(0, 12))}</p></footer>`;
}
