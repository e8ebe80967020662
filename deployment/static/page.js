// The page of the scoring service: send a photo, draw what comes back.
const at = (id) => document.getElementById(id);
const shown = { bitmap: null, photo: null, heat: null, cam: null };
const served = { model: "", task: "patch" };

// What the places of an answer are called, and its verdict, for each task that a model may have.
const TASKS = {
  patch: {
    places: "defects",
    caption: "Defects, the surest first",
    verdict: (ok, n) => ok ? "No defect" : n === 1 ? "1 defect" : `${n} defects`,
  },
  image: { places: "", caption: "", verdict: (ok) => ok ? "OK" : "Defect" },
  corners: {
    places: "corners",
    caption: "Corners, clockwise from the field's own top left",
    verdict: (ok) => ok ? "Field found" : "No field: these corners cross or lie off the photo",
  },
};

async function greet() {
  const answer = await fetch("/health/ready");
  const told = await answer.json();
  at("model").textContent = answer.ok ? `model ${told.model_id}` : told.error.message;
  if (answer.ok) Object.assign(served, { model: told.model_id, task: told.task });
}

async function score(file) {
  at("error").hidden = true;
  at("status").textContent = `Scoring ${file.name} …`;
  const query = new URLSearchParams({ explain: "true" });
  for (const [name, id] of [["part_id", "part"], ["station", "station"]]) {
    if (at(id).value.trim()) query.set(name, at(id).value.trim());
  }
  const headers = { "content-type": file.type || "application/octet-stream" };
  if (at("key").value) headers["x-api-key"] = at("key").value;
  try {
    const answer = await fetch(`/score?${query}`, { method: "POST", headers, body: file });
    const told = await answer.json();
    if (!answer.ok) {
      if (answer.status === 401) at("key-field").hidden = false;
      throw new Error(answer.status === 401 ? "This service asks for a key: enter it and choose the photo again." : told.error.message);
    }
    shown.bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    shown.photo = told.photos[0];
    if (shown.photo.model_id !== served.model) await greet();
    const { heat_map: map, grad_cam: cam } = shown.photo;
    shown.heat = served.task === "patch" ? { canvas: await tinted(map.png), map } : null;
    shown.cam = cam ? { canvas: await tinted(cam.png), corners: cam.corners } : null;
    tell(told, file, query);
  } catch (error) {
    at("answer").hidden = true;
    at("error").textContent = error.message;
    at("error").hidden = false;
  }
  at("status").textContent = "";
}

// A grey PNG becomes yellow to red, clear where it is dark.
async function tinted(png) {
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  const grey = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(grey.width, grey.height);
  const context = canvas.getContext("2d");
  context.drawImage(grey, 0, 0);
  const pixels = context.getImageData(0, 0, grey.width, grey.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const p = pixels.data[i] / 255;
    pixels.data.set([255, Math.round(220 * (1 - p)), 40, Math.round(255 * p)], i);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function draw() {
  const { bitmap, photo, heat, cam } = shown;
  const canvas = at("photo");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  // Lines keep their width on the screen, however large the photo is.
  const unit = Math.max(bitmap.width / (canvas.clientWidth || bitmap.width), 0.5);
  context.globalAlpha = at("strength").value / 100;
  if (heat && at("show-heat").checked) {
    const { first_px: first, stride_px: stride } = heat.map;
    const corner = first - stride / 2;
    context.drawImage(heat.canvas, corner, corner, heat.canvas.width * stride, heat.canvas.height * stride);
  }
  if (cam && at("show-cam").checked) drawCam(context, cam);
  context.globalAlpha = 1;
  if (cam && at("show-cam").checked) outline(context, cam.corners, unit, "#4aa3ff");
  if (!at("show-places").checked || !photo.defects.length) return;
  const corners = served.task === "corners" && photo.defects.map(({ x, y }) => [x, y]);
  if (corners) outline(context, corners, unit, "#ffb000");
  const middle = corners ? [mean(corners, 0), mean(corners, 1)] : null;
  photo.defects.forEach((place, index) => label(context, place, index + 1, unit, bitmap, middle));
}

// The map lies where the model looked, which may be turned and may be a part of the photo.
function drawCam(context, { canvas, corners: [from, right, , down] }) {
  const along = (end, cells) => [(end[0] - from[0]) / cells, (end[1] - from[1]) / cells];
  context.save();
  context.setTransform(...along(right, canvas.width), ...along(down, canvas.height), ...from);
  context.drawImage(canvas, 0, 0);
  context.restore();
}

function outline(context, corners, unit, colour) {
  for (const [width, style] of [[5, "#000"], [2.5, colour]]) {
    context.beginPath();
    corners.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.lineWidth = width * unit;
    context.strokeStyle = style;
    context.stroke();
  }
}

const mean = (corners, axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length;

// A defect gets a ring and its number at the side; a corner its number alone, outside the field.
function label(context, { x, y }, number, unit, bitmap, middle) {
  context.font = `600 ${14 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  let spot;
  if (middle) {
    const away = [x - middle[0], y - middle[1]], far = 14 * unit / (Math.hypot(...away) || 1);
    const inside = (value, side) => Math.min(Math.max(value, 8 * unit), side - 8 * unit);
    context.textAlign = "center";
    spot = [inside(x + away[0] * far, bitmap.width), inside(y + away[1] * far, bitmap.height)];
  } else {
    const radius = Math.max(24, 14 * unit);
    for (const [width, colour] of [[5, "#000"], [2.5, "#ffb000"]]) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.lineWidth = width * unit;
      context.strokeStyle = colour;
      context.stroke();
    }
    const right = x + radius + 24 * unit < bitmap.width;
    context.textAlign = right ? "left" : "right";
    spot = [x + (right ? 1 : -1) * (radius + 6 * unit), y];
  }
  context.lineWidth = 4 * unit;
  context.strokeStyle = "#000";
  context.strokeText(number, ...spot);
  context.fillStyle = "#ffb000";
  context.fillText(number, ...spot);
}

function tell(told, file, query) {
  const photo = told.photos[0];
  at("answer").hidden = false;
  at("verdict").className = `verdict ${told.verdict}`;
  at("verdict-mark").textContent = told.verdict === "ok" ? "✓" : "!";
  const n = photo.defects.length, { places, caption, verdict } = TASKS[served.task];
  const rated = served.task !== "corners";
  at("verdict-text").textContent = verdict(told.verdict === "ok", n);
  at("verdict-p").textContent = rated ? `p ${photo.p.toFixed(4)}, threshold ${photo.threshold.toFixed(4)}` : "";
  at("places-name").textContent = places;
  at("places-caption").textContent = caption;
  at("places-p").hidden = !rated;
  at("places").tBodies[0].replaceChildren(...photo.defects.map((place, index) => {
    const row = document.createElement("tr");
    const texts = [index + 1, place.x.toFixed(1), place.y.toFixed(1), ...rated ? [place.p.toFixed(4)] : []];
    for (const text of texts) row.insertCell().textContent = text;
    return row;
  }));
  at("places").hidden = n === 0;
  const offered = { places: Boolean(places), heat: shown.heat, cam: shown.cam, strength: shown.heat || shown.cam };
  for (const [name, is] of Object.entries(offered)) at(`offer-${name}`).hidden = !is;
  at("offers").hidden = !Object.values(offered).some(Boolean);
  const facts = {
    photo: `${photo.width_px} x ${photo.height_px} px`, took: `${photo.latency_ms.toFixed(0)} ms`, model: photo.model_id,
    score: photo.score_id, request: told.request_id,
  };
  at("facts").replaceChildren(...Object.entries(facts).flatMap(([name, value]) => {
    const term = document.createElement("dt"), fact = document.createElement("dd");
    term.textContent = name;
    fact.textContent = value;
    return [term, fact];
  }));
  at("curl").textContent = curl(file, query);
  draw();
}

function curl(file, query) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const key = at("key").value ? ` -H "X-API-Key: $DENTLINE_KEY"` : "";
  return `curl${key} -H ${quoted(`Content-Type: ${file.type || "application/octet-stream"}`)} ` +
    `--data-binary ${quoted(`@${file.name}`)} ${quoted(`${location.origin}/score?${query}`)}`;
}

function choose(files) {
  if (files.length) score(files[0]);
}

at("file").addEventListener("change", (event) => {
  choose(event.target.files);
  event.target.value = "";
});
for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", over);
    if (name === "drop") choose(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => choose(event.clipboardData.files));
for (const id of ["show-places", "show-heat", "show-cam", "strength"]) at(id).addEventListener("input", draw);
at("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(at("curl").textContent);
  at("copy").textContent = "Copied";
  setTimeout(() => { at("copy").textContent = "Copy"; }, 1500);
});
window.addEventListener("resize", () => { if (shown.bitmap && !at("answer").hidden) draw(); });
at("fields").addEventListener("submit", (event) => event.preventDefault());
greet();
