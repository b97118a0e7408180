# elvish completion for fac; made by `fac completions elvish`
use str
set edit:completion:arg-completer[fac] = {|@words|
    (external $words[0]) __complete -- (all $words[1..]) 2>/dev/null | each {|line|
        var parts = [(str:split "\t" $line)]
        var value = $parts[0]
        if (eq $value ':files') {
            edit:complete-filename $words[-1]
        } else {
            # A name that ends so goes on behind it.
            var end = ' '
            if (or (str:has-suffix $value ':') (str:has-suffix $value '=')) {
                set end = ''
            }
            var shown = $value
            if (and (> (count $parts) 1) (not-eq $parts[1] '')) {
                set shown = $value' ('$parts[1]')'
            }
            edit:complex-candidate $value &code-suffix=$end &display=$shown
        }
    }
}
