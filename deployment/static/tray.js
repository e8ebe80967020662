// The tray: one answer at a time, judged by a key or a touch. A judgement leaves the tray only when it is stored.
const $ = (id) => document.getElementById(id);
const canvas = $("photo"), image = new Image();
let answers = [], marks = [];

const headers = () => ($("key").value ? { authorization: `Bearer ${$("key").value}` } : {});
const current = () => answers[0];

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers } });
  if (answer.status === 401) $("key-field").hidden = false;
  if (!answer.ok) throw new Error((await answer.json()).error?.message ?? `status ${answer.status}`);
  return answer;
}

function complain(error) {
  $("error").hidden = !error;
  $("error").textContent = error ? error.message : "";
}

async function load() {
  try {
    answers = (await (await ask("/tray/answers")).json()).answers;
    complain(null);
  } catch (error) { complain(error); }
  await show();
}

async function show() {
  marks = [];
  const one = current();
  $("answer").hidden = !one;
  $("done").hidden = Boolean(one) || !$("error").hidden;
  $("left").textContent = answers.length ? `${answers.length} to judge` : "";
  $("clean").disabled = $("dent").disabled = true; // until the photo is there
  if (!one) return;
  const verdict = document.createElement("b");
  verdict.className = one.verdict;
  verdict.textContent = one.verdict === "ok" ? "passed" : `flagged, ${one.defects.length} dent${one.defects.length === 1 ? "" : "s"}`;
  $("said").replaceChildren("The model: ", verdict, one.verdict === "ok" ? " (drawn as a sample)" : "");
  $("facts").textContent = [one.scored_at.replace("T", " ").slice(0, 19) + " UTC", one.part_id, one.station, one.photo_id, `p ${one.p.toFixed(3)}`, one.model_id].filter(Boolean).join(" · ");
  try {
    const url = URL.createObjectURL(await (await ask(`/tray/photos/${one.photo_sha256}`)).blob());
    image.src = url;
    await image.decode();
    URL.revokeObjectURL(url);
    complain(null);
  } catch (error) { complain(error); }
  draw();
}

function draw() {
  const one = current();
  if (!one || !image.naturalWidth) return;
  canvas.width = one.width_px;
  canvas.height = one.height_px;
  canvas.style.width = `min(100%, calc(62vh * ${one.width_px / one.height_px}))`;
  const pen = canvas.getContext("2d"), r = Math.max(10, Math.min(one.width_px, one.height_px) / 28);
  pen.drawImage(image, 0, 0, one.width_px, one.height_px);
  const ring = (x, y, color, dashed) => {
    for (const [width, style] of [[r / 4, "rgba(0,0,0,.55)"], [r / 8, color]]) {
      pen.beginPath(); pen.setLineDash(dashed ? [r / 2, r / 3] : []); pen.lineWidth = width; pen.strokeStyle = style;
      pen.arc(x, y, r, 0, 2 * Math.PI); pen.stroke();
    }
  };
  for (const { x, y } of one.defects) ring(x, y, "#ffb020", true);
  for (const { x, y } of marks) ring(x, y, "#ff4040", false);
  $("marks").textContent = marks.length ? ` (${marks.length} marked)` : "";
  $("undo").disabled = !marks.length;
  $("clean").disabled = marks.length > 0;
  $("dent").disabled = false;
}

async function judge(truth) {
  const one = current();
  if (!one || $(truth).disabled) return;
  $("clean").disabled = $("dent").disabled = true;
  const said = { score_id: one.score_id, truth, marks, ...($("operator").value.trim() ? { operator: $("operator").value.trim() } : {}) };
  try {
    await ask("/feedback", { method: "POST", body: JSON.stringify(said), headers: { "content-type": "application/json" } });
    complain(null);
    answers.shift();
    if (answers.length) await show(); else await load();
  } catch (error) { complain(error); draw(); }
}

function skip() { if (answers.length > 1) answers.push(answers.shift()); show(); }
function undo() { marks.pop(); draw(); }

canvas.addEventListener("click", (event) => {
  const box = canvas.getBoundingClientRect();
  marks.push({ x: ((event.clientX - box.left) / box.width) * canvas.width, y: ((event.clientY - box.top) / box.height) * canvas.height });
  draw();
});
const actions = { clean: () => judge("clean"), dent: () => judge("dent"), skip, undo };
for (const [id, act] of Object.entries(actions)) $(id).addEventListener("click", act);
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  ({ c: actions.clean, d: actions.dent, s: skip, z: undo })[event.key.toLowerCase()]?.();
});
$("operator").value = localStorage.getItem("operator") ?? "";
$("operator").addEventListener("change", () => localStorage.setItem("operator", $("operator").value));
$("key").addEventListener("change", load);
load();
