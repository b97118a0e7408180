# elvish completion for fac; made by `fac completions elvish`
use str
set edit:completion:arg-completer[fac] = {|@words|
    (external $words[0]) __complete -- (all $words[1..]) 2>/dev/null | each {|line|
        var value = (str:split "\t" $line | take 1)
        if (not-eq $value ':files') {
            edit:complex-candidate $value
        } else {
            edit:complete-filename $words[-1]
        }
    }
}
