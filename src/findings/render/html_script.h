/// The script of the HTML report: filter, search, copy, open for print. It makes no markup from
/// text and no request. Private to findings.
///
/// The page is complete without it: everything is in the document, and sections open and close by
/// themselves.
#pragma once

#include <string_view>

namespace pgkeep::findings {

inline constexpr std::string_view kHtmlScript = R"js(
(function () {
  'use strict';
  var search = document.getElementById('search');
  var shown = document.getElementById('shown');
  var none = document.getElementById('none');
  var toggles = Array.prototype.slice.call(document.querySelectorAll('.toggle'));
  var blocks = Array.prototype.slice.call(document.querySelectorAll('.area-block')).map(function (element) {
    var rules = Array.prototype.slice.call(element.querySelectorAll('.rule')).map(function (rule) {
      return { element: rule, severities: rule.dataset.severities.split(' '), text: rule.textContent.toLowerCase() };
    });
    return { element: element, rules: rules };
  });

  function filter() {
    var wanted = toggles.filter(function (t) { return t.getAttribute('aria-pressed') === 'true'; })
                        .map(function (t) { return t.dataset.severity; });
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var visible = 0, total = 0;
    blocks.forEach(function (block) {
      var here = 0;
      block.rules.forEach(function (rule) {
        var keep = rule.severities.some(function (s) { return wanted.indexOf(s) >= 0; }) &&
                   words.every(function (word) { return rule.text.indexOf(word) >= 0; });
        rule.element.hidden = !keep;
        here += keep ? 1 : 0;
        total += 1;
      });
      block.element.hidden = here === 0;
      visible += here;
    });
    shown.textContent = visible === total ? '' : visible + ' of ' + total + ' shown';
    none.hidden = visible !== 0;
  }

  if (search) {
    search.addEventListener('input', filter);
    toggles.forEach(function (toggle) {
      toggle.addEventListener('click', function () {
        toggle.setAttribute('aria-pressed', toggle.getAttribute('aria-pressed') === 'true' ? 'false' : 'true');
        filter();
      });
    });
    document.addEventListener('keydown', function (event) {
      if (event.key === '/' && document.activeElement !== search) { event.preventDefault(); search.focus(); }
    });
    var expand = document.getElementById('expand');
    expand.addEventListener('click', function () {
      var open = expand.dataset.open !== 'true';
      document.querySelectorAll('.rule').forEach(function (rule) { rule.open = open; });
      expand.dataset.open = open ? 'true' : 'false';
      expand.textContent = open ? 'Close all' : 'Open all';
    });
  }

  // Pages opened from a disk may be refused the clipboard: then the old way, through a selected text field.
  function copyByField(text) {
    var field = document.createElement('textarea');
    field.value = text;
    field.setAttribute('readonly', '');
    field.className = 'mono';
    document.body.appendChild(field);
    field.select();
    var done = false;
    try { done = document.execCommand('copy'); } catch (error) { done = false; }
    document.body.removeChild(field);
    return done;
  }
  function report(button, done) {
    var label = button.dataset.label || button.textContent;
    button.dataset.label = label;
    button.textContent = done ? 'Copied' : 'Select and copy';
    window.setTimeout(function () { button.textContent = label; }, 1600);
  }
  function copy(button, text) {
    if (!navigator.clipboard || !window.isSecureContext) { report(button, copyByField(text)); return; }
    navigator.clipboard.writeText(text).then(function () { report(button, true); },
                                             function () { report(button, copyByField(text)); });
  }
  document.querySelectorAll('[data-copy]').forEach(function (button) {
    button.hidden = false;
    button.addEventListener('click', function () {
      var all = button.dataset.copy === 'all';
      var blocks = all ? button.closest('.body').querySelectorAll('.fix > .code > [data-copy]') : [button];
      copy(button, Array.prototype.map.call(blocks, function (b) { return b.parentElement.querySelector('code').textContent; }).join('\n'));
    });
  });

  var closed = [];
  window.addEventListener('beforeprint', function () {
    closed = Array.prototype.slice.call(document.querySelectorAll('details:not([open])'));
    closed.forEach(function (details) { details.open = true; });
  });
  window.addEventListener('afterprint', function () { closed.forEach(function (details) { details.open = false; }); });
}());
)js";

} // namespace pgkeep::findings
