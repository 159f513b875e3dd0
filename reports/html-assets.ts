/** What report.html carries inside. Colours keep a contrast of 4.5 to 1 in both schemes; status is always said in words as well. */
export const STYLE = `
:root{--ink:#1b1f24;--soft:#57606a;--paper:#fff;--wash:#f3f5f7;--line:#d5dae0;--good:#136c2e;--bad:#b3201b;--wait:#7a5200;--calm:#0a5fb4;--s0:#f7c9c6;--s1:#fbdcc0;--s2:#f5ecb8;--s3:#d9efc9;--s4:#bfe6c6}
@media (prefers-color-scheme:dark){:root{--ink:#e7ebef;--soft:#a9b3bd;--paper:#14181c;--wash:#1e242a;--line:#39424b;--good:#6fd28a;--bad:#ff9a92;--wait:#f0c45c;--calm:#86bfff;--s0:#5c2522;--s1:#5a3a1d;--s2:#4d471c;--s3:#2f4a26;--s4:#1f4d2d}}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
header,main,footer{max-width:76rem;margin:0 auto;padding:1rem 1.25rem}
header{border-bottom:4px solid var(--line)}
header.pass{border-color:var(--good)}header.fail{border-color:var(--bad)}header.no-verdict{border-color:var(--wait)}
h1{font-size:1.7rem;line-height:1.2;margin:.4rem 0}
h2{font-size:1.25rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
.verdict{padding:.05em .4em;border-radius:.25em;color:var(--paper);background:var(--wait)}
.pass .verdict{background:var(--good)}.fail .verdict{background:var(--bad)}
.partial{font-weight:700;color:var(--wait)}
.advice{font-size:1.1rem;max-width:60rem}
.figures{display:flex;flex-wrap:wrap;gap:.5rem 2.5rem;margin:.8rem 0}
.figures dt{color:var(--soft)}.figures dd{margin:0;font-size:1.6rem;font-variant-numeric:tabular-nums}
.figures .about{font-size:.9rem}.about,.target,small,footer{color:var(--soft)}
a{color:var(--calm)}
:focus-visible{outline:3px solid var(--calm);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem}
.scroll{overflow-x:auto;margin:.4rem 0 1rem}
table{border-collapse:collapse;width:100%;font-size:.93rem}
caption{text-align:left;color:var(--soft);font-size:.85rem;padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-top:1px solid var(--line);overflow-wrap:break-word}
th{white-space:nowrap}td{font-variant-numeric:tabular-nums;min-width:4.5rem}
thead th{background:var(--wash)}
.mark{white-space:nowrap;font-weight:600;color:var(--wait)}
.mark.passed,.mark.complete{color:var(--good)}.mark.failed,.mark.blocked,.mark.not-deployed{color:var(--bad)}.mark.skipped,.mark.deferred{color:var(--soft)}
pre{white-space:pre-wrap;margin:.3rem 0;padding:.4rem .6rem;background:var(--wash);border-left:3px solid var(--line);font-size:.85rem}
code{font-size:.9em}
.causes{padding-left:1.4rem}.causes li{border-top:1px solid var(--line);padding:.5rem 0}.causes h3,.causes p{margin:.15rem 0}
.worth{font-size:1.2rem;font-variant-numeric:tabular-nums}
.picture td{text-align:center}.picture td small{display:block;color:var(--ink)}
.s0{background:var(--s0)}.s1{background:var(--s1)}.s2{background:var(--s2)}.s3{background:var(--s3)}.s4{background:var(--s4)}.none{color:var(--soft)}
svg{width:100%;max-width:40rem;height:auto}polyline{fill:none;stroke:var(--calm);stroke-width:2}line{stroke:var(--line)}
.filter{display:flex;flex-wrap:wrap;gap:.6rem 1.5rem;align-items:end;padding:.6rem;background:var(--wash)}
.filter fieldset{border:0;padding:0;margin:0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
input{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--soft);padding:.2rem .4rem}
table.checks{table-layout:fixed;min-width:60rem}.checks th:nth-child(1){width:24%}.checks th:nth-child(2){width:8%}.checks th:nth-child(3){width:10%}.checks th:nth-child(4){width:9%}.checks th:nth-child(5){width:8%}
.check:target{outline:3px solid var(--calm)}
.notes{white-space:pre-wrap}
[hidden]{display:none}
@media print{.filter,.skip{display:none}.scroll{overflow:visible}details[open]{display:block}tr{break-inside:avoid}body{font-size:11px}}
`.trim();

export const SCRIPT = `
'use strict';
const form=document.querySelector('.filter');
const rows=[...document.querySelectorAll('tr.check')];
const text=rows.map(row=>row.textContent.toLowerCase());
const out=form.querySelector('output');
function filter(){
  const words=form.elements.words.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const on=new Set([...form.querySelectorAll('[name=status]:checked')].map(box=>box.value));
  let shown=0;
  rows.forEach((row,i)=>{row.hidden=!(on.has(row.dataset.status)&&words.every(word=>text[i].includes(word)));if(!row.hidden)shown++});
  out.textContent=shown+' of '+rows.length+' checks';
}
function reveal(){
  const row=document.getElementById(decodeURI(location.hash.slice(1)));
  if(row&&row.hidden){form.reset();filter()}
  if(row)row.scrollIntoView({block:'center'});
}
form.addEventListener('input',filter);
form.addEventListener('submit',event=>event.preventDefault());
addEventListener('hashchange',reveal);
filter();
if(location.hash)reveal();
`.trim();
